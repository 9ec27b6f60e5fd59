import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization

/// One socket's bytes over a connection, to a peer that does the same with a socket of its own: in `forwardData` frames, with
/// `forwardEnd` at the end of each direction, so that nothing depends on half-closing the carrier.
///
/// Concurrency: lives on one thread, which polls both descriptors together, so neither a socket nor a peer that doesn't read
/// holds up the other direction. What the socket does not take stays in the connection and what the connection does not take
/// stays in the socket: of each direction one frame is held here. Both descriptors stay the caller's.
public struct ForwardedStream: ~Copyable {
    public enum Side: Sendable { case host, guest }

    public enum End: Equatable, Sendable {
        /// Both directions came to their ends.
        case finished
        /// The socket's other side went before that: it was reset, or takes no more.
        case socketLost
        /// The connection ended before that: the peer has given up, or is gone.
        case connectionLost
        /// The peer broke the protocol.
        case refused(ProtocolError)
        /// The peer says why it ended the conversation.
        case failed(Failure)
    }

    /// For the last bytes of somebody who is gone, without any of them moving, in milliseconds.
    public static let patience = 30_000
    /// How long a stream that stands still keeps its large buffers, in milliseconds.
    static let bufferPatience: Int32 = 2_000
    static let smallBuffer = 16 * 1024
    /// A frame with its header, so that a whole one is a round number of pages.
    static let largeBuffer = 128 * 1024

    let side: Side
    let patience: Int
    let tally: ForwardTally?
    var frames: FrameBuffer
    /// A frame on its way to the peer.
    var outgoing: UnsafeMutableRawBufferPointer
    var outgoingStart = 0
    var outgoingEnd = 0
    /// The rest of a frame that the socket has not taken yet.
    var waiting: [UInt8] = []
    var waitingStart = 0

    /// Our end of the frames was said, or the peer's came.
    var saidEnd = false
    var heardEnd = false
    var hasShutSocket = false
    /// What each descriptor is still good for.
    var socketGives = true
    var socketTakes = true
    var connectionGives = true
    var connectionTakes = true
    /// Told by `poll(2)`, once.
    var socketHungUp = false
    var connectionHungUp = false
    var isStreaming = false
    var stalledAt = Deadline.never

    /// - Parameters:
    ///   - frames: what has come behind `accepted` already.
    ///   - tally: counts what moves, while it does.
    public init(
        _ side: Side, frames: consuming FrameBuffer, tally: ForwardTally? = nil,
        patience: Int = ForwardedStream.patience
    ) {
        self.side = side
        self.frames = frames
        self.tally = tally
        self.patience = patience
        outgoing = .allocate(byteCount: ForwardedStream.smallBuffer, alignment: 16)
    }

    deinit { outgoing.deallocate() }

    /// Carries bytes until there is nothing more to carry.
    public mutating func run(socket: borrowing FileDescriptor, connection: borrowing FileDescriptor) -> End {
        while true {
            flush(to: connection)
            if let end = deliver(to: socket) { return end }
            if let end { return end }
            switch wait(socket, connection) {
            case .timedOut: return socketHungUp ? .socketLost : .connectionLost
            case .ready(let socketReady, let connectionReady):
                if connectionReady { receive(from: connection) }
                if socketReady { take(from: socket) }
            }
        }
    }

    /// How it has come to an end; nil while there is something to carry.
    private var end: End? {
        let isWhole = saidEnd && heardEnd && isFlushed && waiting.isEmpty
        if !connectionGives, waiting.isEmpty { return isWhole ? .finished : .connectionLost }
        // The guest's side, behind which bytes may wait for a slow reader, closes the connection first.
        if isWhole { return side == .guest ? .finished : nil }
        let incomingIsOver = !socketTakes || (heardEnd && waiting.isEmpty)
        let outgoingIsOver = !connectionTakes || (!socketGives && isFlushed)
        guard incomingIsOver, outgoingIsOver else { return nil }
        return connectionTakes ? .socketLost : .connectionLost
    }

    /// Whether the socket was given all that the peer had for it.
    public var hasDelivered: Bool { heardEnd && waiting.isEmpty && socketTakes }

    var isFlushed: Bool { outgoingStart == outgoingEnd }

    private enum Event { case ready(socket: Bool, connection: Bool), timedOut }

    private mutating func wait(_ socket: borrowing FileDescriptor, _ connection: borrowing FileDescriptor) -> Event {
        var entries = (
            pollfd(fd: socket.rawValue, events: Int16(socketInterest), revents: 0),
            pollfd(fd: connection.rawValue, events: Int16(connectionInterest), revents: 0)
        )
        // Asked for nothing, poll(2) still tells of errors and hang-ups: of the socket's once, of the connection's when its
        // turn comes.
        if entries.0.events == 0, socketHungUp { entries.0.fd = -1 }
        if entries.1.events == 0 { entries.1.fd = -1 }
        while true {
            let timeout =
                stalledAt == .never ? (isStreaming ? ForwardedStream.bufferPatience : -1) : stalledAt.pollTimeout
            let count = withUnsafeMutableBytes(of: &entries) {
                poll($0.bindMemory(to: pollfd.self).baseAddress, 2, timeout)
            }
            if count > 0 { break }
            if count < 0 { continue }
            if stalledAt != .never { return .timedOut }
            giveBackBuffers()
        }
        let (socketEvents, connectionEvents) = (Int32(entries.0.revents), Int32(entries.1.revents))
        if socketEvents & (POLLERR | POLLHUP) != 0 {
            socketHungUp = true
            if socketEvents & POLLERR != 0 { startStalling() }
        }
        if connectionEvents & (POLLHUP | ForwardedStream.peerHangUp) != 0, side == .guest, !connectionHungUp {
            connectionHungUp = true
            startStalling()
        }
        return .ready(
            socket: socketEvents != 0 && Int32(entries.0.events) & POLLIN != 0,
            connection: connectionEvents != 0 && Int32(entries.1.events) & POLLIN != 0)
    }

    private static let peerHangUp: Int32 = 0x2000  // POLLRDHUP

    private var socketInterest: Int32 {
        (isFlushed && socketGives && connectionTakes ? POLLIN : 0) | (waiting.isEmpty ? 0 : POLLOUT)
    }

    private var connectionInterest: Int32 {
        let flushing = isFlushed || !connectionTakes ? 0 : POLLOUT
        if waiting.isEmpty, connectionGives { return POLLIN | flushing }
        // Bytes for a socket that doesn't take them are no reason to miss that nobody waits for its answer.
        return flushing | (side == .guest && connectionGives && !connectionHungUp ? ForwardedStream.peerHangUp : 0)
    }

    mutating func startStalling() { if stalledAt == .never { stalledAt = .after(milliseconds: patience) } }

    mutating func noteProgress() { if stalledAt != .never { stalledAt = .after(milliseconds: patience) } }
}

/// Bytes that a forward has carried. Any thread.
public final class ForwardTally: Sendable {
    /// From the socket to the peer.
    public let sent = Atomic<UInt64>(0)
    public let received = Atomic<UInt64>(0)

    public init() {}
}
