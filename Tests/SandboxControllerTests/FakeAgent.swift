import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import VsockTransport

@testable import SandboxController

/// Stands in for a guest agent on a UNIX socket and says exactly what a test wants it to say.
final class FakeAgent: Sendable {
    static let secrets: BootSecrets = {
        guard let host = Secret([UInt8](repeating: 1, count: 32)), let guest = Secret([UInt8](repeating: 2, count: 32))
        else { preconditionFailure("a secret has 32 bytes") }
        return BootSecrets(host: host, guest: guest)
    }()

    let folder: String
    private let listener: VsockListener

    /// - Parameter script: runs once for each connection, on a thread of its own, with what it needs to answer.
    init(script: @escaping @Sendable (FakeConversation) -> Void) throws {
        folder = NSTemporaryDirectory() + "keystone-fake-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        listener = try VsockListener(.unix(path: folder + "/agent"), port: Ports.operations)
        try Thread.start(name: "fake-agent") { [listener] in
            while let visitor = try? listener.accept().take() {
                let conversation = FakeConversation(visitor)
                _ = try? Thread.start(name: "fake-visitor") { script(conversation) }
            }
        }
    }

    deinit {
        shutdown(listener.rawValue, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(atPath: folder)
    }

    var endpoint: GuestConnection.Endpoint {
        GuestConnection.Endpoint(address: .unix(path: folder + "/agent"), secrets: FakeAgent.secrets, sandbox: "fake")
    }

    func connect() throws -> GuestConnection {
        try GuestConnection.open(endpoint, deadline: .after(milliseconds: 5_000))
    }
}

/// The agent's side of one connection.
final class FakeConversation: @unchecked Sendable {
    private let descriptor: FileDescriptor
    private let reader = FrameReader()

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    func send(_ bytes: [UInt8]) { try? descriptor.writeAll(bytes, deadline: .after(milliseconds: 5_000)) }

    /// The next frame's kind, or nil when the host has gone.
    func readKind() -> FrameKind? { try? reader.next(from: descriptor, deadline: .after(milliseconds: 5_000)).kind }

    /// Takes hello and request and answers with a welcome.
    func welcome(secret: Secret = FakeAgent.secrets.guest) {
        _ = readKind()
        _ = readKind()
        send(Welcome(version: 1, features: [], secret: secret).frame())
    }
}
