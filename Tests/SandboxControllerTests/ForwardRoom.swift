import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import SandboxController

/// A sandbox `box` that runs: its monitor's control socket, events and health are real, its agent says what a test wants.
final class ForwardRoom {
    let folder = NSTemporaryDirectory() + "keystone-forward-\(UUID().uuidString)"
    let directory: StateDirectory
    let snapshot = MonitorSnapshot(name: "box", secrets: FakeAgent.secrets)
    let watch: ForwardWatch
    private let control: ControlServer
    private let device: FileDescriptor

    /// - Parameters:
    ///   - knowsForwards: whether the monitor is of a version that does.
    ///   - agent: has a conversation from its request on; what it returns is closed.
    init(knowsForwards: Bool = true, agent: @escaping @Sendable (ForwardConversation) -> Void) throws {
        Signals.ignoreBrokenPipe()
        directory = StateDirectory(root: folder)
        try FileManager.default.createDirectory(
            atPath: directory.stateFolder("box"), withIntermediateDirectories: true)
        let health = snapshot.health
        watch = try ForwardWatch(EventLog(path: directory.eventsFile("box")), try ReceiptWatch()) {
            health.noteForwards($0)
        }
        snapshot.update { $0.state = .running }
        control = try ControlServer(
            path: directory.controlSocket("box"), snapshot: snapshot, mailbox: try Mailbox(),
            forwards: knowsForwards ? watch : nil)
        device = try UnixSocket.listen(at: directory.vsockSocket("box"))
        let listener = device.rawValue
        try Thread.start(name: "fake-device") {
            while let visitor = try? UnixSocket.accept(listener) {
                let conversation = ForwardConversation(visitor)
                _ = try? Thread.start(name: "fake-agent") { if conversation.open() { agent(conversation) } }
            }
        }
    }

    deinit {
        // What is still to be recorded has a file to go to.
        watch.dismiss()
        control.close()
        shutdown(device.rawValue, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(atPath: folder)
    }

    var forwards: UInt64 { snapshot.health.current.forwards }

    /// - Returns: whether there are so many before ten seconds are over.
    func waitForForwards(_ count: UInt64) -> Bool {
        guard let changes = try? snapshot.health.subscribe() else { return false }
        defer { snapshot.health.unsubscribe(changes) }
        let deadline = Deadline.after(milliseconds: 10_000)
        while forwards != count, !deadline.hasPassed {
            var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, deadline.pollTimeout)
            changes.drain()
        }
        return forwards == count
    }

    /// Waits for an event of a kind, of the forward to `guest` where it is given.
    func event(_ kind: EventKind, to guest: String? = nil) throws -> SandboxEvent {
        let follower = try EventFollower(sandbox: "box", in: directory)
        while true {
            var found: SandboxEvent?
            try EventReader(sandbox: "box", in: directory).read {
                if $0.kind == kind, guest == nil || $0.details["guest"] == guest.map(EventValue.text) { found = $0 }
            }
            if let found { return found }
            try #require(follower.wait())
        }
    }

    func serve(_ words: [String], report: @escaping @Sendable (Forward, ControllerError) -> Void = { _, _ in })
        throws -> ServedForwards
    {
        try ServedForwards(
            ForwardServer(try words.map { try Forward($0) }, sandbox: "box", in: directory, report: report))
    }
}

/// A server that runs on a thread of its own until it is cancelled.
final class ServedForwards {
    let server: ForwardServer
    private let cancelled: EventDescriptor
    private let ended: EventDescriptor
    private let end = Ended()

    private final class Ended: @unchecked Sendable { var value: ForwardServer.End? }

    init(_ server: ForwardServer) throws {
        self.server = server
        cancelled = try EventDescriptor()
        ended = try EventDescriptor()
        try Thread.start(name: "forwards") { [end, cancelled, ended] in
            end.value = server.run(until: cancelled.rawValue)
            server.end()
            ended.signal()
        }
    }

    deinit { cancelled.signal() }

    func cancel() -> ForwardServer.End? {
        cancelled.signal()
        return wait()
    }

    func wait() -> ForwardServer.End? {
        var entry = pollfd(fd: ended.rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 10_000) == 1 ? end.value : nil
    }

    func connect(_ index: Int = 0) throws -> ForwardVisitor {
        switch server.forwards[index].host {
        case .port(let address, let port):
            ForwardVisitor(
                try TcpSocket.connect(to: address, port: port, deadline: .after(milliseconds: 5_000)))
        case .path(let path): ForwardVisitor(try UnixSocket.connect(to: path))
        }
    }
}

/// Somebody on the host who uses a forward.
final class ForwardVisitor: Sendable {
    private let socket: FileDescriptor
    private let deadline = Deadline.after(milliseconds: 30_000)

    init(_ socket: consuming FileDescriptor) { self.socket = socket }
    func send(_ text: String) throws { try socket.sendAll(Array(text.utf8), deadline: deadline) }
    func endWriting() { shutdown(socket.rawValue, Int32(SHUT_WR)) }
    /// Up to the end.
    func text() throws -> String {
        String(decoding: try socket.readAll(limit: 1 << 24, deadline: deadline), as: UTF8.self)
    }
}

/// The agent's side of one connection, through the device.
final class ForwardConversation: @unchecked Sendable {
    private let descriptor: FileDescriptor
    private let reader = FrameReader()
    private(set) var request: FrameKind?
    private(set) var target: ForwardRequest.Target?

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Takes the question for the port, the hello and the request.
    fileprivate func open() -> Bool {
        var byte: UInt8 = 0
        while byte != UInt8(ascii: "\n") { guard read(descriptor.rawValue, &byte, 1) == 1 else { return false } }
        send(Array("OK 1\n".utf8))
        guard let hello = try? next(), hello == .hello else { return false }
        request = try? next()
        return request != nil
    }

    private func next() throws -> FrameKind {
        let frame = try reader.next(from: descriptor, deadline: .after(milliseconds: 10_000))
        if frame.kind == .forwardRequest { target = try ForwardRequest(decoding: frame.payload).target }
        return frame.kind
    }

    func send(_ bytes: [UInt8]) { try? descriptor.writeAll(bytes, deadline: .after(milliseconds: 10_000)) }

    /// - Returns: whether it is a forward.
    func welcome(_ features: Features = .forwarding) -> Bool {
        send(Welcome(version: 1, features: features, secret: FakeAgent.secrets.guest).frame())
        return request == .forwardRequest
    }

    /// Accepts, and gives back what comes.
    func echo() {
        guard welcome() else { return }
        send(FrameEncoding.frame(.accepted))
        guard let pair = try? UnixSocket.pair() else { return }
        let ends = (raw: pair.first.rawValue, stream: pair.second.rawValue)
        _ = try? Thread.start(name: "echo") {
            var bytes = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = Glibc.read(ends.raw, &bytes, bytes.count)
                if count <= 0 { break }
                _ = try? FileDescriptor(owning: dup(ends.raw)).writeAll(Array(bytes[..<count]))
            }
            shutdown(ends.raw, Int32(SHUT_WR))
        }
        var stream = ForwardedStream(.guest, frames: reader.takeBuffer())
        _ = stream.run(socket: pair.second, connection: descriptor)
    }

    /// Until the host leaves.
    func waitForEnd() { while (try? next()) != nil {} }
}
