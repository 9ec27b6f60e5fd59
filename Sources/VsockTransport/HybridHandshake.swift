import Glibc
import LinuxSystem

/// `CONNECT <port>\n` → `OK <number>\n`, as Firecracker and cloud-hypervisor speak it.
enum HybridHandshake {
    /// Bytes in an answer with its newline, at most: "OK 4294967295\n" has 14.
    static let answerLimit = 64

    static func dial(_ path: String, port: UInt32, deadline: Deadline) throws(TransportError) -> FileDescriptor {
        let socket = try connect(path, deadline: deadline)
        try request(port: port, over: socket, deadline: deadline)
        return socket
    }

    /// In one write: Firecracker drops a request that comes in pieces.
    static func request(port: UInt32) -> [UInt8] { Array("CONNECT \(port)\n".utf8) }

    /// Asks for `port` on a connection to the device and takes exactly the answer off it.
    static func request(port: UInt32, over socket: borrowing FileDescriptor, deadline: Deadline) throws(TransportError)
    {
        try sendRequest(port: port, over: socket, deadline: deadline)
        try takeAnswer(port: port, from: socket, deadline: deadline)
    }

    static func connect(_ path: String, deadline: Deadline) throws(TransportError) -> FileDescriptor {
        do throws(SystemError) { return try UnixSocket.connect(to: path, deadline: deadline) } catch {
            switch error.code {
            case ENOENT, ECONNREFUSED: throw TransportError(.deviceGone, "The vsock device at \(path) is gone", error)
            case ETIMEDOUT: throw TransportError(.timedOut, "The vsock device at \(path) did not answer in time", error)
            default: throw TransportError(.system, "The vsock device at \(path) can't be reached", error)
            }
        }
    }

    private static func sendRequest(
        port: UInt32, over socket: borrowing FileDescriptor, deadline: Deadline
    ) throws(TransportError) {
        do throws(SystemError) {
            try socket.sendAll(request(port: port), deadline: deadline)
        } catch {
            throw failure(error, port: port)
        }
    }

    /// What came back; a bare end of file is all that Firecracker answers to a failure.
    private enum Answer { case line([UInt8]), endOfFile, tooLong }

    /// Takes exactly the answer off a connection to the device.
    static func takeAnswer(port: UInt32, from socket: borrowing FileDescriptor, deadline: Deadline)
        throws(TransportError)
    {
        let answer: Answer
        do throws(SystemError) { answer = try readAnswer(from: socket, deadline: deadline) } catch {
            throw failure(error, port: port)
        }
        switch answer {
        case .line(let line):
            guard line.starts(with: Array("OK ".utf8)) else {
                throw TransportError(
                    .malformedAnswer, "The vsock device gave an answer that is not part of the protocol.")
            }
        case .endOfFile: throw TransportError(.nobodyListens, "Nobody listens on vsock port \(port) in the guest.")
        case .tooLong: throw TransportError(.malformedAnswer, "The vsock device gave an answer that is too long.")
        }
    }

    private static func failure(_ error: SystemError, port: UInt32) -> TransportError {
        switch error.code {
        case ETIMEDOUT: TransportError(.timedOut, "The guest did not answer in time on vsock port \(port)", error)
        case EPIPE, ECONNRESET: TransportError(.deviceGone, "The vsock device closed the connection", error)
        default: TransportError(.system, "The vsock device can't be talked to", error)
        }
    }

    /// Looks at what is there (MSG_PEEK) and takes no byte behind the newline: that is payload already.
    private static func readAnswer(from socket: borrowing FileDescriptor, deadline: Deadline) throws(SystemError)
        -> Answer
    {
        var line: [UInt8] = []
        var window = InlineBytes64()
        while line.count < answerLimit {
            try socket.waitUntilReady(POLLIN, deadline: deadline)
            let part = try withUnsafeMutableBytes(of: &window) { window throws(SystemError) -> Answer? in
                guard case .moved(let seen) = try socket.receive(into: window, peek: true) else { return .endOfFile }
                let end = window[..<seen].firstIndex(of: UInt8(ascii: "\n"))
                let wanted = UnsafeMutableRawBufferPointer(rebasing: window[..<(end.map { $0 + 1 } ?? seen)])
                guard case .moved(let taken) = try socket.receive(into: wanted) else { return .endOfFile }
                line += window[..<taken]
                return end != nil && taken == wanted.count ? .line(line.dropLast()) : nil
            }
            if let part { return part }
        }
        return .tooLong
    }

    private typealias InlineBytes = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    private struct InlineBytes64 { var bytes: InlineBytes = (0, 0, 0, 0, 0, 0, 0, 0) }
}
