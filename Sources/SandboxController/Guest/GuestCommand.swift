import AgentProtocol
import Glibc
import LinuxSystem

/// One command in a sandbox for a program that wants its bytes, as `ExecClient` is for this process's own streams.
///
/// Concurrency: one thread calls `follow`, once; any thread may `abandon`, which ends `follow` with an error and, in the
/// guest, the command with everything it started.
public final class GuestCommand: Sendable {
    public enum Stream: Sendable {
        case standardOutput
        case standardError
    }

    private static let pieceOfInput = 64 * 1024
    private let connection: GuestConnection

    /// Connects and sends the request.
    /// - Parameter deadline: for all of `init`.
    public init(
        _ request: ExecRequest, at endpoint: GuestConnection.Endpoint, deadline: Deadline = .after(milliseconds: 30_000)
    ) throws(ControllerError) {
        connection = try GuestConnection.open(endpoint, deadline: deadline)
        try connection.begin(request.frame(), deadline: deadline)
    }

    /// Runs the command to its end.
    /// - Parameters:
    ///   - input: asked for the next bytes of stdin whenever there is room for some; fills at most the buffer and returns
    ///     how many, 0 at the end. For requests whose `standardInput` is `.stream`.
    ///   - output: given each piece, valid inside the call.
    /// - Throws: `missingProgram` when there is no such program in the guest, `agentRefused` with the guest's sentence when
    ///   the command can't be started, `agentGone`, `timeout`.
    public func follow(
        deadline: Deadline = .never, input: ((UnsafeMutableRawBufferPointer) -> Int)? = nil,
        output: (Stream, UnsafeRawBufferPointer) -> Void
    ) throws(ControllerError) -> ExitReport {
        _ = try connection.readWelcome(deadline: deadline)
        var (window, source) = (0, input)
        while true {
            while window > 0, let next = source {
                let sent = try feed(next, most: window)
                if sent == 0 { source = nil }
                window -= sent
            }
            let end = try connection.withNextFrame(deadline: deadline) {
                (frame) throws(ControllerError) -> ExitReport? in
                switch frame.kind {
                case .standardOutput: output(.standardOutput, frame.payload)
                case .standardError: output(.standardError, frame.payload)
                case .started: window += Int(Limits.stdinWindow)
                case .standardInputWindow: window += Int(try connection.decode(StandardInputWindow.self, frame).grant)
                case .exit: return try connection.decode(ExitReport.self, frame)
                case .failure:
                    let failure = try connection.decode(Failure.self, frame)
                    guard failure.code != .programNotFound else {
                        throw ControllerError(.missingProgram, PrintableText.escaped(failure.message))
                    }
                    throw connection.refusal(failure)
                default: break
                }
                return nil
            }
            if let end { return end }
        }
    }

    /// Sends the next piece of stdin, or its end. - Returns: bytes sent.
    private func feed(_ next: (UnsafeMutableRawBufferPointer) -> Int, most: Int) throws(ControllerError) -> Int {
        let room = min(most, GuestCommand.pieceOfInput)
        let frame = [UInt8](unsafeUninitializedCapacity: FrameHeader.size + room) { target, count in
            let bytes = UnsafeMutableRawBufferPointer(target)
            let length = next(
                UnsafeMutableRawBufferPointer(rebasing: bytes[FrameHeader.size..<(FrameHeader.size + room)]))
            FrameHeader(kind: length > 0 ? .standardInput : .standardInputEnd, length: length).encode(into: bytes)
            count = FrameHeader.size + length
        }
        try connection.send(frame)
        return frame.count - FrameHeader.size
    }

    /// Gives the command up, wherever it is.
    public func abandon() { connection.abort() }

    /// Runs a command and collects what it prints.
    /// - Parameter limit: bytes of output kept; more are dropped.
    public static func run(
        _ arguments: [String], at endpoint: GuestConnection.Endpoint, deadline: Deadline = .after(milliseconds: 60_000),
        limit: Int = 1 << 20
    ) throws(ControllerError) -> (end: ExitReport, output: [UInt8], error: [UInt8]) {
        let command = try GuestCommand(
            ExecRequest(arguments: arguments.map { Array($0.utf8) }), at: endpoint, deadline: deadline)
        var (output, error): ([UInt8], [UInt8]) = ([], [])
        let end = try command.follow(deadline: deadline) { stream, bytes in
            switch stream {
            case .standardOutput: output += bytes.prefix(limit - output.count)
            case .standardError: error += bytes.prefix(limit - error.count)
            }
        }
        return (end, output, error)
    }
}
