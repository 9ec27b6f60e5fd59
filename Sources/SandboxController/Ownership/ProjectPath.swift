import Glibc
import LinuxSystem

/// The path of an entry of a project, as names below the project's folder. Bytes, since names need not be UTF-8.
public struct ProjectPath: Equatable, Sendable {
    /// None of them is empty, `.` or `..`; empty for the project's folder itself.
    let names: [[UInt8]]
    var bytes: [UInt8] { Array(names.joined(separator: [0x2F])) }

    init() { names = [] }

    /// - Parameters:
    ///   - text: relative to the project, or absolute and inside it, on the host or (`/workspace/…`) in the guest. `.` and `..` are taken by their names: no link is ever
    ///     followed on such a path, so that means the same.
    ///   - project: absolute, without symbolic links.
    /// - Throws: `badPath` for a path that leads out of the project.
    public init(_ text: [UInt8], project: String) throws(ControllerError) {
        let shown = PrintableText.quoted(String(decoding: text, as: UTF8.self))
        guard !text.isEmpty, !text.contains(0) else {
            throw ControllerError(.badPath, "\(shown) is not a path: it is empty or has a NUL byte.")
        }
        let isAbsolute = text.first == UInt8(ascii: "/")
        var names: [[UInt8]] = []
        for name in text.split(separator: UInt8(ascii: "/")) where !name.elementsEqual(".".utf8) {
            if !name.elementsEqual("..".utf8) {
                names.append(Array(name))
            } else if names.popLast() == nil, !isAbsolute {
                throw Self.outside(shown, project)
            }
        }
        if isAbsolute {
            let top = project.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
            let isHosts = names.starts(with: top)
            guard isHosts || names.first.map({ [0x2F] + $0 }) == GuestWalk.workspace else {
                throw Self.outside(shown, project)
            }
            names.removeFirst(isHosts ? top.count : 1)
        }
        self.names = names
    }

    private static func outside(_ shown: String, _ project: String) -> ControllerError {
        ControllerError(
            .badPath, "\(shown) is not in the project \(PrintableText.quoted(project)).",
            advice:
                "Give a path relative to the project's folder. Folders of the guest elsewhere are named with --guest-path."
        )
    }

    func failure(_ error: SystemError) -> ControllerError {
        let shown =
            names.isEmpty ? "The project's folder" : PrintableText.quoted(String(decoding: bytes, as: UTF8.self))
        return switch error.code {
        case ENOENT:
            ControllerError(
                .badPath, "The project has no entry \(shown).",
                advice: "Paths are relative to the project's folder.")
        case ELOOP:
            ControllerError(
                .badPath, "\(shown) is a symbolic link or leads over one, which is not followed.",
                advice: "Give the path that it leads to, if that is in the project.")
        case ENOTDIR: ControllerError(.badPath, "\(shown) leads through something that is not a folder.")
        case EXDEV:
            ControllerError(
                .badPath, "\(shown) is on another mount than the project.",
                advice: "Change the owners there on the host itself.")
        default: .system(error, doing: "Opening \(shown)")
        }
    }
}
