import Glibc
import SandboxController

/// `-e NAME=VALUE`, or `-e NAME` for the value it has here. Bytes, since values need not be UTF-8.
enum EnvironmentEntry {
    /// - Returns: `NAME=VALUE`, or nil for a name that has no value here.
    /// - Throws: `usage` for what can't be a variable.
    static func bytes(_ word: Word) throws(ControllerError) -> [UInt8]? {
        let name = word.bytes.prefix { $0 != UInt8(ascii: "=") }
        guard !name.isEmpty else {
            throw ControllerError(
                .usage, "-e \(PrintableText.quoted(word.text)) has no name before its \"=\".",
                advice: "Write -e NAME=VALUE, or -e NAME.")
        }
        if name.count < word.bytes.count { return word.bytes }
        guard let value = getenv(word.text) else { return nil }
        return word.bytes + [UInt8(ascii: "=")] + UnsafeRawBufferPointer(start: value, count: strlen(value))
    }
}
