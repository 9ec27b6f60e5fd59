/// A cached kernel's modules as they lie in an initramfs.
enum GuestKernel {
    /// Read by the agent: absolute paths in the order of loading; what stands behind a mark is not needed to dial.
    static let moduleList = "/etc/keystone/modules"
    static let lateMark = "--late"

    /// Adds the modules, the list for the agent, and the tables that busybox's `modprobe` reads.
    static func add(
        _ kernel: CachedKernel, from folder: String, to tree: inout InitramfsTree
    ) throws(ControllerError) {
        let root = "/lib/modules/" + kernel.release
        func place(_ name: String) -> String? { kernel.modules[name].map { root + "/" + $0.path } }
        for module in kernel.modules.values {
            guard let file = InitramfsTree.HostFile(regular: folder + "/" + module.path, permissions: 0o644) else {
                throw ControllerError(
                    .imageBuildFailed, "The cached kernel in \(PrintableText.escaped(folder)) is not whole.",
                    advice: "Remove that folder and try again.")
            }
            tree.add(root + "/" + module.path, .file(file))
        }
        let order = ([kernel.early] + lateGroups(kernel)).map { $0.compactMap(place) }.joined(separator: [lateMark])
        tree.add(moduleList, text: order.joined(separator: "\n") + "\n")
        let sorted = kernel.modules.sorted { $0.key < $1.key }
        let dependencies = sorted.map { name, module in
            "\(module.path):" + closure(name, kernel).compactMap { kernel.modules[$0] }.map { " " + $0.path }.joined()
        }
        tree.add(root + "/modules.dep", text: dependencies.joined(separator: "\n") + "\n")
        let aliases = sorted.flatMap { name, module in module.aliases.map { "alias \($0) \(name)" } }
        tree.add(root + "/modules.alias", text: aliases.joined(separator: "\n") + "\n")
        tree.add(root + "/modules.symbols", text: "")
    }

    /// What the workspace needs, and the rest, to be loaded side by side; one group where they share a module.
    private static func lateGroups(_ kernel: CachedKernel) -> [[String]] {
        let end = kernel.late.lastIndex(where: KernelModules.workspace.contains).map { $0 + 1 } ?? 0
        let (workspace, rest) = (Array(kernel.late[..<end]), Array(kernel.late[end...]))
        let areApart = rest.allSatisfy { closure($0, kernel).allSatisfy { !workspace.contains($0) } }
        return areApart ? [workspace, rest] : [kernel.late]
    }

    /// All modules that one needs, as depmod writes them: each before what it needs itself.
    private static func closure(_ name: String, _ kernel: CachedKernel) -> [String] {
        var result: [String] = []
        func visit(_ name: String) {
            for dependency in kernel.modules[name]?.dependencies ?? [] where !result.contains(dependency) {
                visit(dependency)
                if !result.contains(dependency) { result.insert(dependency, at: 0) }
            }
        }
        visit(name)
        return result
    }
}
