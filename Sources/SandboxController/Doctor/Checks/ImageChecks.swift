import Glibc

/// The image that a start would boot, and what making one takes.
enum ImageChecks {
    static func image(_ host: DoctorHost) -> Finding {
        let store = ImageStore(directory: host.directory)
        do throws(ControllerError) {
            let image = try store.resolve(host.defaults.image)
            try store.verify(image)
            let name = PrintableText.escaped(image.manifest.name)
            return .ok("image", "\(name) (\(image.id.prefix(12)))")
        } catch {
            let meaning = "A sandbox boots from an image."
            let hasSome = (try? store.list())?.isEmpty == false
            let build = error.code == .imageBroken || !hasSome
            let failed = Finding.failed("image", error, meaning)
            return .missing("image", failed.found, meaning, fix: build ? "keystone agent image build" : failed.fix)
        }
    }

    /// Missing tools matter to whoever has no image yet; who has one may have got it from elsewhere.
    static func tools(_ host: DoctorHost) -> Finding {
        let inputs = MinimalImageInputs(environment: host.environment)
        var (lacking, fixes): ([String], [String]) = ([], [])
        func need(_ what: String, _ there: Bool, _ fix: @autoclosure () -> String) {
            if !there {
                lacking.append(what)
                fixes.append(fix())
            }
        }
        func install(_ tool: Distribution.Tool) -> String { host.distribution.install(tool, asRoot: host.asRoot) }
        func locate(_ name: String) -> String? { ProgramPath.locate(name, environment: host.environment) }
        need(
            "a static keystone-guest-agent", inputs.hasAgent,
            "Build it with host-module/build, or name it in KEYSTONE_GUEST_AGENT")
        let busybox = inputs.busybox ?? locate("busybox")
        need("a static busybox", busybox.map(MinimalImageInputs.isStatic) ?? false, install(.busybox))
        need("xz", locate("xz") != nil, install(.xz))
        let packages = locate("apt-get") != nil && locate("apt-cache") != nil && locate("dpkg-deb") != nil
        let kernels = !inputs.kernelPackages.isEmpty || !KernelSource.all(under: host.root, origin: "host").isEmpty
        need("a kernel to take", packages || kernels, install(.packages))
        guard !lacking.isEmpty else { return .ok("image-tools", "all that `image build` needs is here") }
        let found = "not here: \(lacking.joined(separator: ", "))"
        let fix = fixes.joined(separator: "; ")
        let hasImage = (try? ImageStore(directory: host.directory).resolve(host.defaults.image)) != nil
        return hasImage
            ? .note("image-tools", found, "No image can be built here; the one there is works.", fix: fix)
            : .missing("image-tools", found, "No image can be built here, and there is none.", fix: fix)
    }
}
