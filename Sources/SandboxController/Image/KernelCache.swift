import FoundationEssentials
import Glibc
import LinuxSystem

/// Finds or makes a cached kernel. The caller holds the image store's lock.
struct KernelCache {
    /// `cache/kernels`.
    let folder: String
    let progress: any ProgressReporter
    /// Package files to use instead of the distribution's newest (`KEYSTONE_KERNEL_PACKAGE`, separated by `:`).
    var packages: [String] = []
    /// Where installed kernels are looked for; another folder in tests.
    var hostRoot = ""
    var deadline = Deadline.after(milliseconds: 900_000)

    /// The kernel and the folder that holds its `vmlinux` and modules.
    typealias Found = (kernel: CachedKernel, folder: String)

    /// The newest kernel in the cache, else one from the distribution's package, else the newest installed one.
    /// - Throws: `imageBuildFailed` with all that was tried.
    func obtain(refresh: Bool = false) throws(ControllerError) -> Found {
        if !refresh, let found = newest(matching: packageFingerprint) { return found }
        try PrivateFiles.makeFolder(folder)
        let scratch = folder + "/.fetch-\(getpid())"
        PrivateFiles.remove(scratch)
        try PrivateFiles.makeFolder(scratch)
        defer { PrivateFiles.remove(scratch) }
        var tried: [String] = []
        do throws(ControllerError) {
            let fetcher = KernelPackages(folder: scratch, progress: progress, deadline: deadline)
            return try prepare(try fetcher.unpack(packages.isEmpty ? try fetcher.download() : packages))
        } catch  where error.code != .noSpace && error.code != .permission {
            tried.append(error.message)
        }
        // Who names a package wants that kernel or none.
        guard packages.isEmpty else {
            throw ControllerError(.imageBuildFailed, "No kernel for the image: \(tried.joined(separator: "; ")).")
        }
        for source in KernelSource.all(under: hostRoot, origin: "installed on the host") {
            do throws(ControllerError) {
                return try prepare(source)
            } catch  where error.code != .noSpace {
                tried.append("\(source.kernelFile): \(error.message)")
            }
        }
        if let found = newest(matching: nil) {
            progress.warning(
                "No newer kernel could be had (\(tried.joined(separator: "; "))), so the cached one stays.")
            return found
        }
        throw ControllerError(
            .imageBuildFailed, "No kernel for the image: \(tried.joined(separator: "; ")).",
            advice: ProgramPath.locate("apt-get") == nil
                ? "This image takes Debian's kernel. On NixOS: keystone agent image build --nix FLAKE"
                : "Run 'apt-get update' as root and try again, or install the package linux-image-amd64.")
    }

    /// nil when no package files were asked for.
    private var packageFingerprint: String? {
        if packages.isEmpty { return nil }
        return packages.map { path in
            var status = stat()
            _ = stat(path, &status)
            return "\(path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }.joined(separator: "\n")
    }

    /// - Parameter wanted: only a kernel from these package files; nil takes any.
    private func newest(matching wanted: String?) -> Found? {
        let releases = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let sorted = releases.filter { !$0.hasPrefix(".") }.sorted {
            $1.isOlderVersion(than: $0)
        }
        return sorted.lazy.compactMap { load($0) }.first { wanted == nil || $0.kernel.packages == wanted }
    }

    private func load(_ release: String) -> Found? {
        let place = folder + "/" + release
        guard let data = FileManager.default.contents(atPath: place + "/kernel.json"),
            let kernel = try? JSONDecoder().decode(CachedKernel.self, from: data),
            kernel.recipe == CachedKernel.currentRecipe, access(place + "/vmlinux", R_OK) == 0
        else { return nil }
        return (kernel, place)
    }

    /// Makes a cache entry; it appears whole or not at all.
    private func prepare(_ source: KernelSource) throws(ControllerError) -> Found {
        progress.stage("preparing the kernel \(source.release)")
        let work = folder + "/.prepare-\(getpid())"
        PrivateFiles.remove(work)
        try PrivateFiles.makeFolder(work)
        defer { PrivateFiles.remove(work) }
        let kernel = try collect(source, into: work)
        let place = folder + "/" + source.release
        PrivateFiles.remove(place)
        guard rename(work, place) == 0 else {
            throw SystemError("rename").told(
                "Cannot keep the kernel in \(PrintableText.escaped(place))", as: .imageBuildFailed)
        }
        return (kernel, place)
    }

    private func collect(_ source: KernelSource, into work: String) throws(ControllerError) -> CachedKernel {
        let modules = KernelModules(folder: source.modulesFolder)
        if let missing = (KernelModules.early + KernelModules.late).first(where: { !modules.has($0) }) {
            throw ControllerError(.imageBuildFailed, "it has no module \(missing), which a sandbox needs")
        }
        var known: [String: KernelModules.Module] = [:]
        func order(_ names: [String]) throws(ControllerError) -> [String] {
            var result: [String] = []
            for name in names {
                let found = try modules.collect(name, into: work, known: &known, deadline: deadline)
                result += found.filter { !result.contains($0) }
            }
            return result
        }
        let early = try order(KernelModules.early)
        let late = try order(KernelModules.late).filter { !early.contains($0) }
        _ = try order(KernelModules.optional.filter(modules.has))
        let vmlinux = work + "/vmlinux"
        try KernelPayload.extract(source.kernelFile, to: vmlinux, scratch: work + "/.payload", deadline: deadline)
        let sha256: String
        do throws(SystemError) {
            sha256 = try PrivateFiles.sha256(try FileDescriptor.open(vmlinux, O_RDONLY))
        } catch {
            throw error.told("Cannot read the kernel", as: .imageBuildFailed)
        }
        let kernel = CachedKernel(
            release: source.release, origin: source.origin, packages: packageFingerprint, sha256: sha256, early: early,
            late: late, modules: known)
        try PrivateFiles.write(StableJSON.encode(kernel), to: work + "/kernel.json")
        return kernel
    }
}
