import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// A frame that arrived, with bytes of its own.
struct ReceivedFrame {
    let kind: FrameKind
    let payload: [UInt8]

    func decode<Message: WireMessage>(_: Message.Type) throws -> Message {
        try payload.withUnsafeBytes { try Message(decoding: $0) }
    }
}

/// What a command left behind.
struct CommandResult {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var started: Started?
    var failure: Failure?
    var exit: ExitReport?

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// The host's side of one connection. Every wait has a deadline, so a broken agent fails a test and does not hang it.
final class TestConnection {
    private var descriptor: FileDescriptor
    private var frames = FrameBuffer()
    let deadline = Deadline.after(milliseconds: 30_000)

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    func send(_ bytes: [UInt8]) throws { try descriptor.sendAll(bytes, deadline: deadline) }
    func send(_ message: some WireMessage) throws { try send(message.frame()) }
    func send(_ kind: FrameKind, _ payload: [UInt8] = []) throws { try send(FrameEncoding.frame(kind, payload)) }

    func close() { descriptor = FileDescriptor(owning: -1) }

    /// - Returns: nil at the end of the connection.
    func next() throws -> ReceivedFrame? {
        while true {
            if let frame = try frames.next() { return ReceivedFrame(kind: frame.kind, payload: [UInt8](frame.payload)) }
            try descriptor.waitUntilReady(POLLIN, deadline: deadline)
            switch try descriptor.receive(into: frames.space(atLeast: 65536)) {
            case .moved(let count): frames.received(count)
            case .wouldBlock: continue
            case .endOfFile: return nil
            }
        }
    }

    /// Skips frames up to one of `kind`.
    func next(_ kind: FrameKind) throws -> ReceivedFrame {
        while let frame = try next() { if frame.kind == kind { return frame } }
        throw TestFailure("the connection ended without a frame of kind \(kind)")
    }

    /// Collects output until `text` is in it.
    @discardableResult
    func output(until text: String) throws -> String {
        var all: [UInt8] = []
        while let frame = try next() {
            guard frame.kind == .standardOutput else { continue }
            all += frame.payload
            let seen = String(decoding: all, as: UTF8.self)
            if seen.contains(text) { return seen }
        }
        throw TestFailure("the connection ended without \(text): \(String(decoding: all, as: UTF8.self))")
    }

    /// Everything up to the end of the connection.
    func result() throws -> CommandResult {
        var result = CommandResult()
        while let frame = try next() {
            switch frame.kind {
            case .started: result.started = try frame.decode(Started.self)
            case .standardOutput: result.output += frame.payload
            case .standardError: result.errors += frame.payload
            case .failure: result.failure = try frame.decode(Failure.self)
            case .exit: result.exit = try frame.decode(ExitReport.self)
            default: break
            }
        }
        return result
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
