import AgentProtocol
import Glibc
import LinuxSystem

/// One message on a monitor's control socket or start channel: length (UInt32, little-endian), then fields as in
/// `FieldWriter`; tag 1 is the kind. Both ends are the same build's or a neighbour's, so unknown fields are skipped.
struct ControlMessage: Sendable {
    enum Kind: UInt64, Sendable {
        // Requests
        case access = 1
        case describe = 2
        case stop = 3
        case cancel = 4
        /// The first message of whoever starts a monitor.
        case begin = 5
        case provision = 6
        case listTokens = 7
        case changeTokens = 8
        case health = 9
        /// Answered by an `update` now and after each change, until either side leaves.
        case watchHealth = 10
        /// What a client says on the connection of its `access` when its command or forward has ended. Not answered.
        case ended = 11
        /// For the variables that its start was given.
        case environment = 12
        // Answers
        case stage = 16
        case warning = 17
        case detail = 18
        case done = 19
        case failed = 20
        case update = 21
    }

    enum Tag: UInt16, Sendable {
        case kind = 1
        case text = 2
        case code = 3
        case advice = 4
        case hostSecret = 5
        case guestSecret = 6
        case stateFile = 7
        case force = 8
        case timeoutMilliseconds = 9
        case peerLoss = 10
        /// Entries with a NUL behind each. A secret: in memory, on the start channel and on the control socket only.
        case environment = 11
        case gitName = 12
        case gitEmail = 13
        /// Names of provisioning steps, commas between.
        case steps = 14
        /// JSON of `[ProvisionRecord]`.
        case provisioned = 15
        /// `TokenSet.encoded`. Secrets: in memory, on the start channel and on the control socket only.
        case tokens = 16
        /// Names, commas between.
        case revoked = 17
        /// JSON of `[TokenListing]`.
        case tokenListing = 18
        /// Patterns of the project's files of variables, with a NUL behind each.
        case environmentFiles = 19
        /// 1 for a start without provisioning; see `StartRequest.provisions`.
        case unprovisioned = 20
        /// `HealthRecord.encoded`.
        case health = 21
        /// `ExecNote`'s: words with a NUL behind each; whether they were cut.
        case arguments = 22
        case cut = 23
        case user = 24
        case folder = 25
        case session = 26
        /// `ForwardNote`s of whoever forwards; in the answer: that they are taken down.
        case forwards = 27
        /// `ForwardCounts`, when it has ended.
        case counts = 28
        /// 1: of a `stop`, `StopOptions.keeps`.
        case keep = 29
        /// The guest's context id where the kernel carries its vsock.
        case guestCID = 40
    }

    /// Bytes of one message: the largest begins a monitor, with variables (192 KiB) and tokens (512 KiB).
    static let limit = 768 * 1024

    private struct Field {
        let tag: Tag
        let value: [UInt8]
    }

    private(set) var kind: Kind
    /// At most one for each tag. Few, and a dictionary of them would cost each `exec` 0.1 ms: for the first one of its kind
    /// the Swift runtime looks through every conformance there is in the program.
    private var fields: [Field] = []

    init(_ kind: Kind) { self.kind = kind }

    func with(_ tag: Tag, _ value: [UInt8]) -> ControlMessage {
        var copy = self
        copy.set(tag, value)
        return copy
    }

    private mutating func set(_ tag: Tag, _ value: [UInt8]) {
        fields.removeAll { $0.tag == tag }
        fields.append(Field(tag: tag, value: value))
    }

    func with(_ tag: Tag, _ value: String?) -> ControlMessage { value.map { with(tag, Array($0.utf8)) } ?? self }
    func with(_ tag: Tag, _ value: Int) -> ControlMessage { with(tag, String(value)) }

    func bytes(_ tag: Tag) -> [UInt8]? { fields.first { $0.tag == tag }?.value }
    func text(_ tag: Tag) -> String? { bytes(tag).map { String(decoding: $0, as: UTF8.self) } }
    func integer(_ tag: Tag) -> Int? { text(tag).flatMap { Int($0) } }

    static func failure(_ error: ControllerError) -> ControlMessage {
        ControlMessage(.failed).with(.code, error.code.rawValue).with(.text, error.message).with(.advice, error.advice)
    }

    /// The error that a `failed` message carries.
    var error: ControllerError {
        ControllerError(
            text(.code).flatMap { ControllerError.Code(rawValue: $0) } ?? .internal,
            text(.text) ?? "The monitor failed.",
            advice: text(.advice))
    }

    // MARK: Wire

    func write(to descriptor: borrowing FileDescriptor, deadline: Deadline) throws(SystemError) {
        var writer = FieldWriter()
        writer.put(Tag.kind.rawValue, kind.rawValue)
        for field in fields { writer.put(field.tag.rawValue, field.value) }
        let length = UInt32(writer.bytes.count)
        var bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) } + writer.bytes
        // Secrets of the boot, variables, tokens.
        defer {
            SecretMemory.wipe(&bytes)
            writer.wipe()
        }
        try descriptor.writeAll(bytes, deadline: deadline)
    }

    /// - Returns: nil at end of file.
    /// - Throws: `EBADMSG` when the bytes are not a message, `ETIMEDOUT`.
    static func read(from descriptor: borrowing FileDescriptor, deadline: Deadline) throws(SystemError)
        -> ControlMessage?
    {
        guard let head = try exactly(4, from: descriptor, deadline: deadline) else { return nil }
        let length = head.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
        guard length <= limit, var body = try exactly(length, from: descriptor, deadline: deadline) else {
            throw SystemError("read a control message", code: EBADMSG)
        }
        defer { SecretMemory.wipe(&body) }
        let parsed = body.withUnsafeBytes { bytes -> ControlMessage? in
            var reader = FieldReader(bytes)
            var message = ControlMessage(.done)
            var hasKind = false
            do throws(ProtocolError) {
                while let field = try reader.next() {
                    guard let tag = Tag(rawValue: field.tag) else { continue }
                    if tag == .kind {
                        guard let kind = Kind(rawValue: try field.integer()) else { return nil }
                        message.kind = kind
                        hasKind = true
                    } else {
                        message.set(tag, try field.array())
                    }
                }
            } catch { return nil }
            return hasKind ? message : nil
        }
        guard let parsed else { throw SystemError("read a control message", code: EBADMSG) }
        return parsed
    }

    /// - Returns: nil when the connection ends before the first byte.
    private static func exactly(
        _ count: Int, from descriptor: borrowing FileDescriptor, deadline: Deadline
    ) throws(SystemError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            try descriptor.waitUntilReady(Int32(POLLIN), deadline: deadline)
            let outcome = bytes.withUnsafeMutableBytes { buffer -> Result<TransferResult, SystemError> in
                do throws(SystemError) {
                    return .success(
                        try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])))
                } catch { return .failure(error) }
            }
            switch try outcome.get() {
            case .moved(let moved): filled += moved
            case .wouldBlock: continue
            case .endOfFile:
                if filled == 0 { return nil }
                throw SystemError("read a control message", code: EBADMSG)
            }
        }
        return bytes
    }
}
