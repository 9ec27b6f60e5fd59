import LinuxSystem

/// `/etc/keystone/modules`: kernel modules in the order to load them. One to a line: absolute path, then arguments if any.
/// `--late` on a line by itself ends what the vsock hello needs; it and each further one begin a group of what else the
/// machine needs, and groups may be loaded side by side. `#` begins a comment.
public struct ModuleList: Equatable, Sendable {
    public struct Module: Equatable, Sendable {
        public let path: String
        public let arguments: String
    }

    public static let path = "/etc/keystone/modules"

    public private(set) var early: [Module] = []
    public private(set) var late: [[Module]] = []

    public init(text: [UInt8]) {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            if first.elementsEqual("--late".utf8) {
                late.append([])
                continue
            }
            let arguments = words.count > 1 ? String(decoding: words[1], as: UTF8.self) : ""
            let module = Module(path: String(decoding: first, as: UTF8.self), arguments: arguments)
            if late.isEmpty { early.append(module) } else { late[late.count - 1].append(module) }
        }
    }

    /// None when there is no such file: a kernel may have everything built in.
    public static func current() -> ModuleList { ModuleList(text: (try? SmallFile.read(path)) ?? []) }

    /// Loads them in order; one that fails is said and the rest is tried, since a machine that lacks something
    /// is of more use than one that did not boot.
    public static func load(_ modules: [Module], complain: (String) -> Void) {
        for module in modules {
            do throws(SystemError) {
                try Machine.loadModule(module.path, arguments: module.arguments)
            } catch {
                complain("\(error)")
            }
        }
    }
}
