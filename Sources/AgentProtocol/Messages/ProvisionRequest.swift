/// What the host gives a guest to be ready to work in: all steps in one round trip. A step that is not in `steps` is not
/// run, whatever else the request holds.
public struct ProvisionRequest: WireMessage {
    public static let kind = FrameKind.provisionRequest

    /// Who commands run as when they don't say, and whose home is made.
    public struct User: Equatable, Sendable {
        public var name: String
        public var userID: UInt32
        public var groupID: UInt32
        public init(name: String, userID: UInt32, groupID: UInt32) {
            self.name = name
            self.userID = userID
            self.groupID = groupID
        }
    }

    public struct GitIdentity: Equatable, Sendable {
        public var name: String
        public var email: String
        public init(name: String, email: String) {
            self.name = name
            self.email = email
        }
    }

    public static let machineIDSize = 16
    public static let entropyLimit = 512
    public static let keyLimit = 256

    public var steps: Set<ProvisionStep>
    /// Nanoseconds since 1970-01-01T00:00:00Z when the request was sent.
    public var clock: UInt64?
    public var hostname: String?
    /// 16 bytes.
    public var machineID: [UInt8]?
    /// At most 512 bytes.
    public var entropy: [UInt8]
    public var user: User?
    public var gitIdentity: GitIdentity?
    /// Absolute paths in the guest that git trusts whoever owns them (`safe.directory`).
    public var safeDirectories: [String]
    /// Lines of authorized_keys (sshd(8)): type, key, comment; no options. At most 256.
    public var authorizedKeys: [String]
    /// `NAME=value` entries for every session; a request's own entries win.
    public var environment: [[UInt8]]

    public init(
        steps: Set<ProvisionStep>, clock: UInt64? = nil, hostname: String? = nil, machineID: [UInt8]? = nil,
        entropy: [UInt8] = [], user: User? = nil, gitIdentity: GitIdentity? = nil, safeDirectories: [String] = [],
        authorizedKeys: [String] = [], environment: [[UInt8]] = []
    ) {
        self.steps = steps
        self.clock = clock
        self.hostname = hostname
        self.machineID = machineID
        self.entropy = entropy
        self.user = user
        self.gitIdentity = gitIdentity
        self.safeDirectories = safeDirectories
        self.authorizedKeys = authorizedKeys
        self.environment = environment
    }

    public func encode(into writer: inout FieldWriter) {
        for step in ProvisionStep.allCases where steps.contains(step) { writer.put(1, UInt64(step.rawValue)) }
        writer.put(2, clock)
        writer.put(3, hostname)
        if let machineID { writer.put(4, machineID) }
        if !entropy.isEmpty { writer.put(5, entropy) }
        if let user {
            writer.put(6, user.name)
            writer.put(7, user.userID)
            writer.put(8, user.groupID)
        }
        if let gitIdentity {
            writer.put(9, gitIdentity.name)
            writer.put(10, gitIdentity.email)
        }
        for path in safeDirectories { writer.put(11, path) }
        for key in authorizedKeys { writer.put(12, key) }
        for entry in environment { writer.put(13, entry) }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(steps: [])
        var (name, userID, groupID): (String?, UInt32?, UInt32?)
        var (author, email): (String?, String?)
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            switch field.tag {
            case 1:
                // A step of a later version is not run; the report, which does not name it, says so.
                if let step = UInt8(exactly: try field.integer()).flatMap(ProvisionStep.init) { steps.insert(step) }
            case 2: clock = try field.integer()
            case 3: hostname = try field.string(limit: 253)
            case 4:
                machineID = try field.array(limit: ProvisionRequest.machineIDSize)
                guard machineID?.count == ProvisionRequest.machineIDSize else { throw .malformedField(4) }
            case 5: entropy = try field.array(limit: ProvisionRequest.entropyLimit)
            case 6: name = try field.string(limit: 64)
            case 7: userID = try field.uint32()
            case 8: groupID = try field.uint32()
            case 9: author = try field.string(limit: 1024)
            case 10: email = try field.string(limit: 1024)
            case 11:
                guard safeDirectories.count < 64 else { throw .malformedField(11) }
                safeDirectories.append(try field.string(limit: 4096))
            case 12:
                guard authorizedKeys.count < ProvisionRequest.keyLimit else { throw .malformedField(12) }
                authorizedKeys.append(try field.string(limit: 16 * 1024))
            case 13:
                guard environment.count < Limits.argumentCount, !field.bytes.contains(0) else {
                    throw .malformedField(13)
                }
                environment.append(try field.array(limit: Limits.argumentBytes))
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        if let name {
            user = User(
                name: name, userID: try FieldReader.require(userID, 7), groupID: try FieldReader.require(groupID, 8))
        }
        if let author { gitIdentity = GitIdentity(name: author, email: try FieldReader.require(email, 10)) }
    }
}
