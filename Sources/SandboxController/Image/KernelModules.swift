import FoundationEssentials
import LinuxSystem

/// The modules of one kernel, found by what their own `.modinfo` says: a Debian package holds no `modules.dep` (depmod
/// makes it on installation), and a kernel taken from a package was never installed.
struct KernelModules {
    /// Loaded at boot before the agent dials the host: virtio over PCI, vsock, and the way to the boot credential.
    static let early = [
        "virtio_pci", "vmw_vsock_virtio_transport", "qemu_fw_cfg",
    ]
    /// The 9p share; loaded at boot while the agent starts.
    static let workspace = ["9pnet_virtio", "9p"]
    /// Loaded at boot while the agent starts.
    static let late = workspace + ["virtio_net", "virtio_rng"]
    /// Only there for `modprobe`, when this kernel has them.
    static let optional = [
        "virtio_blk", "virtio_console", "erofs", "ext4", "crc32c_generic", "squashfs", "loop", "overlay", "fuse",
        "virtiofs", "tun",
        "veth", "bridge", "af_packet", "vsock_loopback", "vsock_diag", "vhost_vsock", "vhost_net", "kvm_intel",
        "kvm_amd",
        "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct", "nft_compat", "xt_MASQUERADE", "xt_conntrack",
        "iptable_nat",
        "ip_tables", "iptable_filter", "xt_nat",
    ]

    /// One module and what it needs.
    struct Module: Codable, Equatable {
        /// Relative to `/lib/modules/RELEASE`, without a suffix of compression.
        var path: String
        /// Names of the modules that must be loaded first.
        var dependencies: [String]
        var aliases: [String]
    }

    /// `/lib/modules/RELEASE` on the host, or where a package was unpacked.
    let folder: String
    /// Absolute paths by module name; `-` and `_` are the same in a module's name.
    private let files: [String: String]
    private let builtIn: Set<String>

    init(folder: String) {
        self.folder = folder
        var files: [String: String] = [:]
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] {
            if path.hasSuffix(".ko") || path.contains(".ko.") { files[Self.name(ofFile: path)] = path }
        }
        self.files = files
        let list = (try? String(contentsOfFile: folder + "/modules.builtin", encoding: .utf8)) ?? ""
        builtIn = Set(list.split(separator: "\n").map { Self.name(ofFile: String($0)) })
    }

    static func name(ofFile path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return normalized(String(file.prefix(while: { $0 != "." })))
    }

    static func normalized(_ name: String) -> String { name.replacing(each: "-", with: "_") }

    /// Whether this kernel can load the module or needs not to.
    func has(_ name: String) -> Bool { files[name] != nil || builtIn.contains(name) }

    /// A module and everything it needs, dependencies first; each is copied (and unpacked) to `target`.
    /// - Parameter known: the modules that are there already, by name; grows.
    /// - Returns: the names in the order in which they must be loaded; empty for what is built in.
    func collect(
        _ name: String, into target: String, known: inout [String: Module], deadline: Deadline
    ) throws(ControllerError) -> [String] {
        var order: [String] = []
        var visiting: Set<String> = []
        try collect(name, target, &known, &order, &visiting, deadline)
        return order
    }

    private func collect(
        _ name: String, _ target: String, _ known: inout [String: Module], _ order: inout [String],
        _ visiting: inout Set<String>, _ deadline: Deadline
    ) throws(ControllerError) {
        if order.contains(name) || builtIn.contains(name) || !visiting.insert(name).inserted { return }
        guard let file = files[name] else {
            throw ControllerError(
                .imageBuildFailed, "The kernel in \(PrintableText.escaped(folder)) has no module \(name).")
        }
        if known[name] == nil {
            known[name] = try copy(file, to: target, deadline: deadline)
        }
        for dependency in known[name]?.dependencies ?? [] {
            try collect(dependency, target, &known, &order, &visiting, deadline)
        }
        order.append(name)
    }

    private func copy(_ file: String, to target: String, deadline: Deadline) throws(ControllerError) -> Module {
        let cut = file.place(of: ".ko").map { String(file[..<$0.upperBound]) } ?? file
        let copy = target + "/" + cut
        try PrivateFiles.makeFolder(copy.parentPath)
        try Decompression.unpack(folder + "/" + file, to: copy, deadline: deadline)
        do throws(SystemError) {
            let mapped = try MappedFile(path: copy)
            let information = ElfFile(mapped)?.section(".modinfo").map(Self.fields) ?? [:]
            let dependencies = (information["depends"] ?? []).flatMap { $0.split(separator: ",") }
            return Module(
                path: cut, dependencies: dependencies.map { Self.normalized(String($0)) },
                aliases: information["alias"] ?? [])
        } catch {
            throw error.told("Cannot read the kernel module \(PrintableText.escaped(file))", as: .imageBuildFailed)
        }
    }

    /// `.modinfo` is a run of NUL-ended `key=value`.
    static func fields(_ section: UnsafeRawBufferPointer) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for entry in section.split(separator: 0) {
            let text = String(decoding: entry, as: UTF8.self)
            guard let equals = text.firstIndex(of: "=") else { continue }
            result[String(text[..<equals]), default: []].append(String(text[text.index(after: equals)...]))
        }
        return result
    }
}
