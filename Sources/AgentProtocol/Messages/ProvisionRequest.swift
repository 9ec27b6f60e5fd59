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
    /// All that the sandbox user is to have, each name once: others are taken away. At most 64 and 512 KiB.
    public var tokens: [Token]
    /// `NAME=value` entries of the project's own files, for every session; everything else that has a value wins. At most
    /// 4096 and 256 KiB.
    public var projectEnvironment: [[UInt8]]

    public init(
        steps: Set<ProvisionStep>, clock: UInt64? = nil, hostname: String? = nil, machineID: [UInt8]? = nil,
        entropy: [UInt8] = [], user: User? = nil, gitIdentity: GitIdentity? = nil, safeDirectories: [String] = [],
        authorizedKeys: [String] = [], environment: [[UInt8]] = [], tokens: [Token] = [],
        projectEnvironment: [[UInt8]] = []
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
        self.tokens = tokens
        self.projectEnvironment = projectEnvironment
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
        for token in tokens {
            writer.put(14, token.name)
            token.value.withBytes { writer.put(15, $0) }
        }
        for entry in projectEnvironment { writer.put(16, entry) }
    }

    /// The whole frame. What it was made in is overwritten; the frame itself is the caller's to overwrite once it is sent.
    public func frame() -> [UInt8] {
        // Room for all of it, since what grows leaves copies behind.
        let room = tokens.reduce(64 * 1024) { $0 + $1.value.count + 256 }
        var writer = FieldWriter(reserving: room + (environment + projectEnvironment).reduce(0) { $0 + $1.count + 8 })
        encode(into: &writer)
        defer { writer.wipe() }
        return FrameEncoding.frame(Self.kind, writer.bytes)
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.init(steps: [])
        var (name, userID, groupID): (String?, UInt32?, UInt32?)
        var (author, email): (String?, String?)
        var tokenName: String?
        var projectBytes = 0
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
            case 14:
                guard tokenName == nil else { throw .malformedField(14) }
                tokenName = try field.string(limit: Token.nameLimit)
            case 15:
                tokens.append(try token(tokenName, field))
                tokenName = nil
            case 16:
                projectBytes += field.bytes.count
                guard projectEnvironment.count < ProvisionRequest.projectEnvironmentLimit, !field.bytes.contains(0),
                    projectBytes <= ProvisionRequest.projectEnvironmentBytes
                else { throw .malformedField(16) }
                projectEnvironment.append(try field.array())
            default: try FieldReader.skipUnknown(field.tag)
            }
        }
        if let name {
            user = User(
                name: name, userID: try FieldReader.require(userID, 7), groupID: try FieldReader.require(groupID, 8))
        }
        if let author { gitIdentity = GitIdentity(name: author, email: try FieldReader.require(email, 10)) }
        if tokenName != nil { throw .missingField(15) }
    }

    /// Held against every bound before a byte of it is copied.
    private func token(_ name: String?, _ field: FieldReader.Field) throws(ProtocolError) -> Token {
        let name = try FieldReader.require(name, 14)
        guard tokens.count < ProvisionRequest.tokenLimit, !tokens.contains(where: { $0.name == name }),
            tokens.reduce(field.bytes.count, { $0 + $1.value.count }) <= ProvisionRequest.tokenBytes,
            let value = TokenValue(field.bytes), let token = Token(name: name, value: value)
        else { throw .malformedField(15) }
        return token
    }
}
