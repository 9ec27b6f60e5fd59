import AgentProtocol
import Glibc
import LinuxSystem

/// Which files `execve(2)` should try for a program's name, as `execvp(3)` would.
enum ProgramSearch {
    /// - Parameters:
    ///   - path: the request's PATH.
    ///   - directory: where the command starts.
    /// - Throws: `programNotFound`.
    static func candidates(for program: [UInt8], path: [UInt8], directory: String) throws(Refusal) -> CStringList {
        var list = CStringList()
        if program.contains(UInt8(ascii: "/")) {
            // Whether it is there, execve will say.
            list.append(program)
            return list
        }
        // Only paths that exist (seen as root): a failed execve copies all arguments first, a failed stat nothing.
        for entry in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            // An empty entry is the current directory (execvp(3)).
            let candidate = (entry.isEmpty ? [UInt8(ascii: ".")] : Array(entry)) + [UInt8(ascii: "/")] + program
            if isThere(candidate, directory: directory) { list.append(candidate) }
        }
        if list.isEmpty { throw notFound(program) }
        return list
    }

    static func notFound(_ program: [UInt8]) -> Refusal {
        Refusal(.programNotFound, "\(name(program)): no such program in the guest.")
    }

    /// Whether a file exists, seen from `directory`. A name without a slash counts: it was found in PATH.
    static func isThere(_ program: [UInt8], directory: String) -> Bool {
        guard program.contains(UInt8(ascii: "/")) else { return true }
        return exists(program[0] == UInt8(ascii: "/") ? program : Array(directory.utf8) + [UInt8(ascii: "/")] + program)
    }

    /// For a sentence: text, and not all of a very long name.
    static func name(_ program: [UInt8]) -> String { String(decoding: program.prefix(200), as: UTF8.self) }

    private static func exists(_ path: [UInt8]) -> Bool {
        var status = stat()
        return (path + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return false }
                return stat(base, &status) == 0 || (errno != ENOENT && errno != ENOTDIR)
            }
        }
    }
}
