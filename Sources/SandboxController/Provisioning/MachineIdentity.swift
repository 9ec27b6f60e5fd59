import FoundationEssentials

/// What `/etc/machine-id` of a sandbox holds: always the same for one sandbox, another for every other.
enum MachineIdentity {
    /// 16 bytes: the beginning of a SHA-256 over what makes a sandbox this one, in the form of a version 4 UUID, as
    /// machine-id(5) wants it of new ids.
    static func bytes(of record: SandboxRecord, in directory: StateDirectory) -> [UInt8] {
        // Whole seconds: the registry keeps no more.
        let created = String(Int(record.created.timeIntervalSince1970.rounded(.down)))
        let digits = Array(
            SHA256.hexadecimal([directory.root, record.name, created].joined(separator: "\0").utf8).utf8.prefix(32))
        var bytes = stride(from: 0, to: digits.count, by: 2).map { digit(digits[$0]) << 4 | digit(digits[$0 + 1]) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }

    /// The same as 32 lower-case hexadecimal digits.
    static func text(of record: SandboxRecord, in directory: StateDirectory) -> String {
        bytes(of: record, in: directory).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func digit(_ byte: UInt8) -> UInt8 { byte < 58 ? byte - 48 : byte - 87 }
}
