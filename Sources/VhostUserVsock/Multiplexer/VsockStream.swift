/// A connection with its host socket: what `VsockConnection` decides, carried out.
///
/// Concurrency: belongs to the session's thread.
final class VsockStream {
    let slot: Int
    var connection: VsockConnection
    /// nil once the host side is over; the connection may linger until the guest has been told.
    var socket: HostSocket?
    var pending = ByteQueue()
    /// The poller said so, and no read has found it empty since (edge-triggered).
    var isReadable = false
    /// The poller watches for room to write, too.
    var isWatchingRoom = false
    /// `CLOCK_MONOTONIC` nanoseconds; `.max` for none.
    var deadline = UInt64.max

    init(slot: Int, connection: VsockConnection, socket: consuming HostSocket) {
        self.slot = slot
        self.connection = connection
        self.socket = consume socket
    }

    /// Whether a buffer of the guest's would be put to use now.
    var hasWork: Bool {
        !connection.owed.isEmpty || (isReadable && connection.wantsHostInput && connection.credit > 0)
    }

    /// Bytes wait and the guest gives no credit for them.
    var isStalled: Bool { isReadable && connection.wantsHostInput && connection.credit == 0 }

    func closeSocket() {
        socket = nil
        pending.removeAll()
        isReadable = false
    }
}

/// A host program that has connected and not yet said whom it wants.
final class PendingGreeting {
    var line = ConnectLine()
    let deadline: UInt64
    private var socket: HostSocket?

    init(socket: consuming HostSocket, deadline: UInt64) {
        self.socket = consume socket
        self.deadline = deadline
    }

    /// Reads what there is of the line and nothing behind it.
    /// - Parameter scratch: room for `ConnectLine.longest` bytes.
    func read(scratch: UnsafeMutableRawPointer) -> ConnectLine.Outcome {
        while true {
            let window = UnsafeMutableRawBufferPointer(start: scratch, count: line.room)
            switch socket?.receive(into: window, peek: true) {
            case .wouldBlock: return .incomplete
            case .ended, nil: return .malformed
            case .moved(let count):
                let (taken, outcome) = line.take(UnsafeRawBufferPointer(start: scratch, count: count))
                _ = socket?.receive(into: .init(start: scratch, count: taken), peek: false)
                if outcome != .incomplete { return outcome }
            }
        }
    }

    /// Gives the socket away, once.
    func takeSocket() -> HostSocket? { socket.take() }
}
