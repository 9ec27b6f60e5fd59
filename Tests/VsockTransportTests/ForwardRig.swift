import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import VsockTransport

/// The host's and the guest's side of a forward on two threads, with a socket pair for the carrier. The test has the client's
/// and the target's ends.
final class ForwardRig {
    let client: TestSocket
    let target: TestSocket
    let host = EndBox()
    let guest = EndBox()
    let tally = ForwardTally()

    /// - Parameter overTCP: client and target are connected by TCP, which can be reset.
    init(overTCP: Bool = false, patience: Int = ForwardedStream.patience) throws {
        Signals.ignoreBrokenPipe()
        let carrier = try UnixSocket.pair()
        let (clientEnds, targetEnds) = (try ForwardRig.ends(overTCP), try ForwardRig.ends(overTCP))
        client = clientEnds.ours
        target = targetEnds.ours
        let (hostCarrier, guestCarrier) = (TestSocket(carrier.first), TestSocket(carrier.second))
        try ForwardRig.carry(.host, clientEnds.theirs, hostCarrier, host, tally, patience)
        try ForwardRig.carry(.guest, targetEnds.theirs, guestCarrier, guest, nil, patience)
    }

    private static func ends(_ overTCP: Bool) throws -> (ours: TestSocket, theirs: TestSocket) {
        guard overTCP else {
            let pair = try UnixSocket.pair()
            return (TestSocket(pair.first), TestSocket(pair.second))
        }
        let listener = try TcpSocket.listen(at: .loopback4, port: 0)
        let dialled = try TcpSocket.connect(
            to: .loopback4, port: try TcpSocket.port(of: listener.rawValue), deadline: .after(milliseconds: 5_000))
        guard let accepted = try UnixSocket.accept(listener.rawValue) else { throw SystemError("accept") }
        TcpSocket.prepareStream(accepted.rawValue)
        return (TestSocket(dialled), TestSocket(accepted))
    }

    /// Runs one side, as host and agent do, and closes what it had.
    static func carry(
        _ side: ForwardedStream.Side, _ socket: TestSocket, _ carrier: TestSocket, _ box: EndBox,
        _ tally: ForwardTally? = nil, _ patience: Int = ForwardedStream.patience
    ) throws {
        try Thread.start(name: "forward") {
            var stream = ForwardedStream(side, frames: FrameBuffer(), tally: tally, patience: patience)
            let end = socket.with { socket in carrier.with { stream.run(socket: socket, connection: $0) } }
            if !stream.hasDelivered, end != .finished { socket.with { TcpSocket.resetOnClose($0.rawValue) } }
            socket.close()
            carrier.close()
            box.put(end)
        }
    }
}

/// One end that a thread may close.
final class TestSocket: @unchecked Sendable {
    private var descriptor: FileDescriptor
    private let deadline = Deadline.after(milliseconds: 30_000)

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var raw: Int32 { descriptor.rawValue }
    func with<Value>(_ body: (borrowing FileDescriptor) -> Value) -> Value { body(descriptor) }
    func close() { descriptor = FileDescriptor(owning: -1) }
    func endWriting() { shutdown(raw, Int32(SHUT_WR)) }
    func send(_ bytes: [UInt8]) throws { try descriptor.sendAll(bytes, deadline: deadline) }

    /// Everything up to the end, or `count` bytes.
    func read(_ count: Int = .max) throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 256 * 1024)
        while all.count < count {
            try descriptor.waitUntilReady(POLLIN, deadline: deadline)
            let size = min(chunk.count, count - all.count)
            let result = try chunk.withUnsafeMutableBytes {
                try descriptor.receive(into: .init(rebasing: $0[..<size]), resetIsEnd: false)
            }
            switch result {
            case .moved(let moved): all += chunk[..<moved]
            case .wouldBlock: continue
            case .endOfFile: return all
            }
        }
        return all
    }

    /// Sends until nobody has taken anything for a moment. - Returns: how much was taken.
    func sendUntilHeldBack(_ bytes: [UInt8] = [UInt8](repeating: 7, count: 64 << 20)) throws -> Int {
        var count = 0
        while count < bytes.count {
            switch try bytes.withUnsafeBytes({ try descriptor.send(.init(rebasing: $0[count...])) }) {
            case .moved(let moved): count += moved
            case .endOfFile: return count
            case .wouldBlock:
                var entry = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
                if poll(&entry, 1, 500) == 0 { return count }
            }
        }
        return count
    }
}

/// How a side ended, once it has.
final class EndBox: Sendable {
    private let value = Mutex<ForwardedStream.End?>(nil)
    private let event = try? EventDescriptor()

    func put(_ end: ForwardedStream.End) {
        value.withLock { $0 = end }
        event?.signal()
    }

    /// - Returns: nil when it has not ended in time.
    func wait(milliseconds: Int32 = 30_000) -> ForwardedStream.End? {
        var entry = pollfd(fd: event?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, milliseconds)
        return value.withLock { $0 }
    }
}

/// Bytes that repeat late, so that a piece at a wrong place is noticed.
func pattern(_ count: Int, _ seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
