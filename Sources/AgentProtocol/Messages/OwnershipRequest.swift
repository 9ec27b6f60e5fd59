/// Asks the agent to look at the owners of a tree in the guest, and to make right what is wrong. Answered by one
/// `GuestOwnershipReport` or more; the host ends the walk by closing the connection.
public struct OwnershipRequest: WireMessage {
    public static let kind = FrameKind.ownershipRequest

    public static let pathLimit = 64 * 1024
    public static let pathCount = 1024

    /// Absolute path in the guest of the folder whose mount the walk stays on, as bytes.
    public var root: [UInt8]
    /// Only these and what is below them: relative to `root`, of bytes, without empty parts, `.` and `..`. At most 1,024;
    /// empty for all of it.
    public var paths: [[UInt8]]
    public var userID: UInt32
    public var groupID: UInt32
    /// Change nothing, and count what would be changed.
    public var dryRun: Bool
    /// The walk ends after so many milliseconds; nil for no limit.
    public var limitMilliseconds: UInt64?

    public init(
        root: [UInt8], paths: [[UInt8]] = [], userID: UInt32, groupID: UInt32, dryRun: Bool = false,
        limitMilliseconds: UInt64? = nil
    ) {
        self.root = root
        self.paths = paths
        self.userID = userID
        self.groupID = groupID
        self.dryRun = dryRun
        self.limitMilliseconds = limitMilliseconds
    }

    public func encode(into writer: inout FieldWriter) {
        writer.put(1, root)
        for path in paths { writer.put(2, path) }
        writer.put(3, userID)
        writer.put(4, groupID)
        // Critical: who doesn't know it would change what is only to be counted.
        writer.put(5 | FieldWriter.criticalBit, dryRun)
        writer.put(6, limitMilliseconds)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        var (root, userID, groupID): ([UInt8]?, UInt32?, UInt32?)
        self.init(root: [], userID: 0, groupID: 0)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1: root = try OwnershipRequest.path(field)
            case 2:
                guard paths.count < OwnershipRequest.pathCount else { throw .malformedField(2) }
                paths.append(try OwnershipRequest.path(field))
            case 3: userID = try field.uint32()
            case 4: groupID = try field.uint32()
            case 5 | FieldWriter.criticalBit: dryRun = try field.bool()
            case 6: limitMilliseconds = try field.integer()
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        self.root = try FieldReader.require(root, 1)
        self.userID = try FieldReader.require(userID, 3)
        self.groupID = try FieldReader.require(groupID, 4)
    }

    private static func path(_ field: FieldReader.Field) throws(ProtocolError) -> [UInt8] {
        guard !field.bytes.isEmpty, !field.bytes.contains(0) else { throw .malformedField(field.tag) }
        return try field.array(limit: OwnershipRequest.pathLimit)
    }
}
