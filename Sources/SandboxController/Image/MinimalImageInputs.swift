import FoundationEssentials
import Glibc
import LinuxSystem

/// What a minimal image is made of, and where on the host it is found.
public struct MinimalImageInputs: Sendable {
    /// The static guest agent; nil: looked for beside the running program.
    public var agent: String?
    /// A static busybox; nil: looked for in `PATH`.
    public var busybox: String?
    /// Kernel packages to use instead of the distribution's newest.
    public var kernelPackages: [String]
    /// Where installed kernels are looked for.
    public var hostRoot = ""

    /// Reads `KEYSTONE_GUEST_AGENT`, `KEYSTONE_BUSYBOX` and `KEYSTONE_KERNEL_PACKAGE` (separated by `:`).
    public init(environment: [String: String]) {
        agent = environment["KEYSTONE_GUEST_AGENT"].flatMap { $0.isEmpty ? nil : $0 }
        busybox = environment["KEYSTONE_BUSYBOX"].flatMap { $0.isEmpty ? nil : $0 }
        kernelPackages = (environment["KEYSTONE_KERNEL_PACKAGE"] ?? "").split(separator: ":").map(String.init)
    }

    /// The initramfs but for the kernel's modules.
    func plan(include: [String]) throws(ControllerError) -> InitramfsTree {
        let deadline = Deadline.after(milliseconds: 60_000)
        var tree = InitramfsTree()
        try addAgent(to: &tree)
        try addBusybox(to: &tree, deadline: deadline)
        var programs = HostPrograms(addingTo: tree)
        try programs.include(include, deadline: deadline)
        tree = programs.tree
        GuestFiles.add(to: &tree, shell: tree.contains("/usr/bin/bash") ? "/bin/bash" : "/bin/sh")
        return tree
    }

    private func addAgent(to tree: inout InitramfsTree) throws(ControllerError) {
        guard let found = agent ?? Self.agentCandidates().first(where: Self.isStatic) else {
            throw ControllerError(
                .missingProgram,
                "The guest agent (keystone-guest-agent, statically linked) is not beside this program.",
                advice: "Build it with host-module/build, or name it in KEYSTONE_GUEST_AGENT.")
        }
        guard let file = InitramfsTree.HostFile(regular: found, permissions: 0o755) else {
            throw ControllerError(.missingProgram, "There is no guest agent at \(PrintableText.escaped(found)).")
        }
        guard Self.isStatic(found) else {
            throw ControllerError(
                .missingProgram,
                "\(PrintableText.escaped(found)) needs shared libraries, and PID 1 of the image has none.",
                advice: "Build it with -static-executable.")
        }
        tree.add(MinimalImageBuilder.agentPlace, .file(file))
        tree.add("/init", .link(target: MinimalImageBuilder.agentPlace))
    }

    private func addBusybox(to tree: inout InitramfsTree, deadline: Deadline) throws(ControllerError) {
        guard let found = busybox ?? ProgramPath.locate("busybox"), Self.isStatic(found),
            let file = InitramfsTree.HostFile(regular: found, permissions: 0o755)
        else {
            throw ControllerError(
                .missingProgram, "A statically linked busybox is needed and not on this host.",
                advice: "Install it: apt-get install busybox-static.")
        }
        let outcome = try ProgramRunner(path: found, arguments: ["--list-full"]).run(deadline: deadline)
        let applets = outcome.text.split(separator: "\n").map { "/" + $0 }
        guard outcome.succeeded, applets.contains("/bin/sh") else {
            throw ControllerError(.missingProgram, "\(PrintableText.escaped(found)) is not a busybox with a shell.")
        }
        for applet in applets where Self.staysInside(applet) { tree.add(applet, .link(target: "/bin/busybox")) }
        tree.add("/bin/busybox", .file(file))
        // Whatever asks for a kernel module by itself, the kernel included, runs this path.
        tree.add("/sbin/modprobe", .link(target: "/bin/busybox"))
    }

    /// Whether a guest agent for an image is there.
    var hasAgent: Bool { agent.map(Self.isStatic) ?? Self.agentCandidates().contains(where: Self.isStatic) }

    private static func staysInside(_ path: String) -> Bool { !path.contains("/../") && !path.hasSuffix("/") }

    /// Beside the running program, in the release folder of the same build, and where packages put helpers.
    private static func agentCandidates() -> [String] {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let folder = own.parentPath
        let places = [folder, folder + "/../release", folder + "/../libexec/keystone", folder + "/../lib/keystone"]
        return places.map { $0 + "/keystone-guest-agent" }
    }

    static func isStatic(_ path: String) -> Bool {
        guard let file = try? MappedFile(path: path), let elf = ElfFile(file) else { return false }
        return elf.interpreter == nil && elf.needed.isEmpty
    }
}

extension InitramfsTree.HostFile {
    /// nil when there is no regular file at `path` (links are followed).
    init?(regular path: String, permissions: Int) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
        self.init(path: path, size: Int(status.st_size), permissions: permissions, modified: modified, keepsTime: false)
    }
}
