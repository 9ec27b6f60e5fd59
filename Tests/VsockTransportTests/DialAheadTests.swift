import Glibc
import LinuxSystem
import Testing

@testable import VsockTransport

/// What is sent before the device's answer has come.
@Suite struct DialAheadTests {
    /// A device that is played by hand, dialled and not yet answering.
    private struct Call: ~Copyable {
        let ours: FileDescriptor
        var device = FileDescriptor(owning: -1)
        let address: VsockAddress
        private let folder: TemporaryFolder

        init() throws {
            let folder = try TemporaryFolder()
            let address = VsockAddress.hybrid(path: folder.path + "/vsock.sock")
            let listener = try UnixSocket.listen(at: folder.path + "/vsock.sock")
            let socket = try VsockTransport.dialAhead(address, port: 1023, deadline: .after(milliseconds: 1000))
            let visitor = try UnixSocket.accept(listener.rawValue)
            ours = socket
            if let visitor { device = visitor }
            self.address = address
            self.folder = folder
        }

        func say(_ bytes: [UInt8]) throws {
            try ours.sendAll(
                VsockTransport.opening(address, port: 1023) + bytes, deadline: .after(milliseconds: 1000))
        }

        func confirm(milliseconds: Int = 1000) throws(TransportError) {
            try VsockTransport.confirm(ours, address, port: 1023, deadline: .after(milliseconds: milliseconds))
        }
    }

    @Test func payloadFollowsTheRequestWithoutAnAnswer() throws {
        let call = try Call()
        try call.say(Array("hello".utf8))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(call.device.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self) == "CONNECT 1023\nhello")
        try call.device.sendAll(Array("OK 7\nwelcome".utf8), deadline: .after(milliseconds: 1000))
        try call.confirm()
        shutdown(call.device.rawValue, Int32(SHUT_WR))
        #expect(try call.ours.readAll(limit: 64, deadline: .after(milliseconds: 1000)) == Array("welcome".utf8))
    }

    @Test func refusalWithPayloadUnreadIsStillARefusal() throws {
        var call = try Call()
        try call.say([1, 2, 3])
        // With bytes unread this resets the connection instead of ending it.
        call.device = FileDescriptor(owning: -1)
        do throws(TransportError) {
            try call.confirm()
            Issue.record("it was confirmed")
        } catch {
            #expect(error == TransportError(.nobodyListens, "Nobody listens on vsock port 1023 in the guest."))
        }
    }

    @Test func silenceEndsAtTheDeadline() throws {
        let call = try Call()
        do throws(TransportError) {
            try call.confirm(milliseconds: 30)
            Issue.record("it was confirmed")
        } catch {
            #expect(error.code == .timedOut)
        }
    }
}
