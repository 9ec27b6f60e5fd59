import Glibc
import SandboxController

/// `-e NAME=VALUE`, or `-e NAME` for the value it has here. Bytes, since values need not be UTF-8.
enum EnvironmentEntry {
    /// - Returns: `NAME=VALUE`, or nil for a name that has no value here.
    /// - Throws: `usage` for what can't be a variable.
    static func bytes(_ word: Word, source: String = "-e") throws(ControllerError) -> [UInt8]? {
        let name = word.bytes.prefix { $0 != UInt8(ascii: "=") }
        guard !name.isEmpty else {
            throw ControllerError(
                .usage, "\(source) has no name before its \"=\".",
                advice: "Write \(source) NAME=VALUE, or \(source) NAME.")
        }
        if name.count < word.bytes.count { return word.bytes }
        guard let value = value(of: word) else { return nil }
        return word.bytes + [UInt8(ascii: "=")] + value
    }

    /// What a variable holds here.
    static func value(of name: Word) -> [UInt8]? {
        getenv(name.text).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
}
