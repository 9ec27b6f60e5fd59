/// A mounted file system that holds files; pseudo file systems such as `proc` are left out.
public struct HealthMount: Equatable, Sendable {
    public static let countLimit = 64
    /// Bytes of UTF-8; longer paths are cut.
    public static let pathLimit = 256

    public var path: String
    /// As the kernel calls it: `9p`, `tmpfs`, `ext4`.
    public var type: String
    public var isReadOnly: Bool
    /// In KiB for a process without privileges; both 0 where the file system can't tell or must not be asked (network and
    /// user-space file systems may never answer).
    public var total: UInt64
    public var available: UInt64
    /// Files and folders that may still be made; both 0 where the file system has no such limit.
    public var entries: UInt64
    public var entriesFree: UInt64

    public init(
        path: String, type: String, isReadOnly: Bool = false, total: UInt64 = 0, available: UInt64 = 0,
        entries: UInt64 = 0, entriesFree: UInt64 = 0
    ) {
        self.path = path
        self.type = type
        self.isReadOnly = isReadOnly
        self.total = total
        self.available = available
        self.entries = entries
        self.entriesFree = entriesFree
    }

    func encode(into writer: inout FieldWriter) {
        writer.put(1, HealthText.bounded(path, HealthMount.pathLimit))
        writer.put(2, HealthText.bounded(type, 32))
        if isReadOnly { writer.put(3, true) }
        writer.putShort(4, total)
        writer.putShort(5, available)
        writer.putShort(6, entries)
        writer.putShort(7, entriesFree)
    }

    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(path: "", type: "")
        var path: String?
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: path = try field.string(limit: HealthMount.pathLimit)
            case 2: type = try field.string(limit: 32)
            case 3: isReadOnly = try field.bool()
            case 4: total = try field.integer()
            case 5: available = try field.integer()
            case 6: entries = try field.integer()
            case 7: entriesFree = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.path = try FieldReader.require(path, 1)
    }
}

/// Text that fits its field.
public enum HealthText {
    /// The first bytes of valid UTF-8, at most `limit`, without NUL.
    public static func bounded(_ text: String, _ limit: Int) -> String {
        if text.utf8.count <= limit, !text.utf8.contains(0) { return text }
        var result = ""
        for scalar in text.unicodeScalars where scalar.value != 0 {
            if result.utf8.count + UTF8.width(scalar) > limit { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
