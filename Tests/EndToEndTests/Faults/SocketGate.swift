import Glibc
import LinuxSystem

/// Stands before a listening socket of a sandbox and holds whoever comes, so that a fault can be put exactly where it is
/// wanted: the real socket is moved aside and everything passes through here.
///
/// Concurrency: one thread accepts; each connection has two, one a direction.
final class SocketGate: Sendable {
    enum Mode { case connection, answer }

    private let path: String
    private let real: String
    private let mode: Mode
    private let listener: FileDescriptor
    private let held: EventDescriptor
    private let opened: EventDescriptor

    /// - Parameters:
    ///   - path: of the socket.
    ///   - aside: where it is moved, on the same file system.
    ///   - mode: whether a connection is held before anything passes, or once the other side has begun to answer: behind
    ///     the line that says that it took the connection.
    init(at path: String, aside: String, _ mode: Mode) throws {
        self.path = path
        real = aside
        self.mode = mode
        held = try EventDescriptor()
        opened = try EventDescriptor()
        unlink(aside)
        guard rename(path, aside) == 0 else { throw SystemError("move \(path) aside") }
        listener = try UnixSocket.listen(at: path)
        try LinuxSystem.Thread.start(name: "gate") { self.accept() }
    }

    /// Waits until somebody is held.
    func wait(_ what: String, within seconds: Double = 60) throws {
        var entry = pollfd(fd: held.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(seconds * 1000)) == 1 else { throw Complaint("The \(what) did not come.") }
    }

    /// Lets everybody pass from now on.
    func open() { opened.signal() }

    /// Nobody comes in here any more: the real socket is put back, unless its sandbox has removed what it takes for it.
    func close() {
        open()
        shutdown(listener.rawValue, Int32(SHUT_RDWR))
        if access(path, F_OK) != 0 || rename(real, path) != 0 { unlink(real) }
    }

    private func accept() {
        while let visitor = try? UnixSocket.accept(listener.rawValue) {
            let connection = OwnedDescriptor(visitor)
            try? LinuxSystem.Thread.start(name: "gate-visitor") { self.serve(connection) }
        }
    }

    private func serve(_ visitor: OwnedDescriptor) {
        if mode == .connection { hold() }
        guard let socket = try? UnixSocket.connect(to: real) else { return }
        let inside = OwnedDescriptor(socket)
        try? LinuxSystem.Thread.start(name: "gate-in") { Self.pass(visitor, inside) }
        if mode == .answer {
            var byte: UInt8 = 0
            while read(inside.raw, &byte, 1) == 1 {
                guard write(visitor.raw, &byte, 1) == 1 else { break }
                if byte == 10 { break }
            }
            var entry = pollfd(fd: inside.raw, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, -1)
            hold()
        }
        Self.pass(inside, visitor)
    }

    private func hold() {
        held.signal()
        var entry = pollfd(fd: opened.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, -1) < 0 {}
    }

    private static func pass(_ from: OwnedDescriptor, _ to: OwnedDescriptor) {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(from.raw, &chunk, chunk.count)
            guard count > 0, (try? to.value.writeAll(Array(chunk[..<count]))) != nil else { break }
        }
        shutdown(from.raw, Int32(SHUT_RDWR))
        shutdown(to.raw, Int32(SHUT_RDWR))
    }
}
