import Glibc
import LinuxSystem
import Testing

@testable import VsockTransport

@Suite struct ListenerTests {
    @Test(arguments: [false, true]) func whatIsDialledIsAccepted(hybrid: Bool) throws {
        let folder = try TemporaryFolder()
        let address: VsockAddress =
            hybrid ? .hybrid(path: folder.path + "/v.sock") : .unix(path: folder.path + "/v.sock")
        let listener = try VsockListener(address, port: 42)
        // The device connects to `<path>_<port>` when the guest dials; so does a plain UNIX peer.
        let visitor = try VsockTransport.dial(
            .unix(path: folder.path + "/v.sock"), port: 42, deadline: .after(milliseconds: 1000))
        let accepted = try listener.accept(deadline: .after(milliseconds: 1000))
        #expect(accepted.peerCID == nil)
        let connection = accepted.take()
        try visitor.sendAll([1, 2, 3], deadline: .after(milliseconds: 1000))
        var bytes: (UInt8, UInt8, UInt8) = (0, 0, 0)
        let result = try withUnsafeMutableBytes(of: &bytes) { try connection.read(into: $0) }
        #expect(result == .moved(3))
    }

    @Test func socketFileIsPrivateAndGoesWithTheListener() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/v.sock_7"
        do {
            let listener = try VsockListener(.hybrid(path: folder.path + "/v.sock"), port: 7)
            var status = stat()
            #expect(stat(file, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            _ = listener.rawValue
        }
        #expect(access(file, F_OK) != 0)
    }

    @Test func staleSocketIsReplacedAndALivingOneIsNot() throws {
        let folder = try TemporaryFolder()
        let address = VsockAddress.unix(path: folder.path + "/v.sock")
        do { _ = try UnixSocket.listen(at: folder.path + "/v.sock_7") }
        let listener = try VsockListener(address, port: 7)
        #expect(code { _ = try VsockListener(address, port: 7) } == .addressInUse)
        // The refused one has not taken the file of the first along.
        try dialPort(address, 7)
        _ = listener.rawValue
    }

    @Test func whatIsNoSocketIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        try SmallFile.write(folder.path + "/v.sock_7", "precious", flags: O_WRONLY | O_CREAT)
        let address = VsockAddress.unix(path: folder.path + "/v.sock")
        #expect(code { _ = try VsockListener(address, port: 7) } == .addressInUse)
        #expect(try SmallFile.read(folder.path + "/v.sock_7") == Array("precious".utf8))
    }

    @Test func waitingForAVisitorEndsAtTheDeadline() throws {
        let folder = try TemporaryFolder()
        let listener = try VsockListener(.unix(path: folder.path + "/v.sock"), port: 7)
        #expect(code { _ = try listener.accept(deadline: .after(milliseconds: 30)) } == .timedOut)
    }

    @Test func pathsBeyondTheSocketLimitWork() throws {
        let folder = try TemporaryFolder()
        let long = folder.path + "/" + String(repeating: "d", count: 120)
        mkdir(long, 0o700)
        defer { rmdir(long) }
        let address = VsockAddress.unix(path: long + "/v.sock")
        let listener = try VsockListener(address, port: 7)
        try dialPort(address, 7)
        _ = try listener.accept(deadline: .after(milliseconds: 1000))
    }

    private func dialPort(_ address: VsockAddress, _ port: UInt32) throws {
        _ = try VsockTransport.dial(address, port: port, deadline: .after(milliseconds: 1000))
    }
}

/// A folder that goes with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/keystone-test-XXXXXX\0".utf8)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in text.baseAddress.map { mkdtemp($0) != nil } ?? false }
        }
        try #require(made)
        path = String(decoding: template.dropLast(), as: UTF8.self)
    }

    deinit {
        for name in (try? SmallFile.names(in: path)) ?? [] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
