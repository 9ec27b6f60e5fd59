import Glibc
import LinuxSystem
import Testing

@testable import VsockTransport

/// The device's side of the hybrid handshake, played by hand over a socket pair.
@Suite struct HybridTests {
    private func handshake(
        answering pieces: [String], close: Bool = false, deadline: Int = 5000
    ) throws -> (error: TransportError?, request: String, rest: [UInt8]) {
        let pair = try VsockTransport.pair()
        let ours = pair.first
        var device = pair.second
        // Each piece is there before the next is needed, so the order of arrival is fixed without a thread.
        for piece in pieces { try device.sendAll(Array(piece.utf8), deadline: .after(milliseconds: 1000)) }
        if close { shutdown(device.rawValue, Int32(SHUT_WR)) }
        var failure: TransportError?
        do throws(TransportError) {
            try HybridHandshake.request(port: 1023, over: ours, deadline: .after(milliseconds: deadline))
        } catch { failure = error }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(device.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        let request = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        device = FileDescriptor(owning: -1)
        return (failure, request, try ours.readAll(limit: 4096, deadline: .after(milliseconds: 1000)))
    }

    @Test func requestIsOneLineAndTheAnswerIsTaken() throws {
        let result = try handshake(answering: ["OK 1073741824\n"])
        #expect(result.error == nil)
        #expect(result.request == "CONNECT 1023\n")
        #expect(result.rest.isEmpty)
    }

    @Test func payloadBehindTheAnswerIsNotSwallowed() throws {
        let result = try handshake(answering: ["OK 5\npayload\nOK 6\n"])
        #expect(result.error == nil)
        #expect(String(decoding: result.rest, as: UTF8.self) == "payload\nOK 6\n")
    }

    @Test func bareEndOfFileMeansThatNobodyListens() throws {
        #expect(try handshake(answering: [], close: true).error?.code == .nobodyListens)
        #expect(try handshake(answering: ["O"], close: true).error?.code == .nobodyListens)
    }

    @Test func wrongAndEndlessAnswersAreRefused() throws {
        #expect(try handshake(answering: ["NO\n"]).error?.code == .malformedAnswer)
        #expect(try handshake(answering: ["\n"]).error?.code == .malformedAnswer)
        #expect(try handshake(answering: ["OK " + String(repeating: "1", count: 200)]).error?.code == .malformedAnswer)
    }

    @Test func silenceEndsAtTheDeadline() throws {
        #expect(try handshake(answering: [], deadline: 50).error?.code == .timedOut)
        #expect(try handshake(answering: ["OK 1"], deadline: 50).error?.code == .timedOut)
    }

    @Test func fragmentedAnswerIsPutTogether() throws {
        let pair = try VsockTransport.pair()
        let ours = pair.first
        let raw = pair.second.release()
        // The device sends a byte only once the one before was taken (SIOCOUTQ is 0 when the peer has read all).
        try Thread.start(name: "device") {
            let device = FileDescriptor(owning: raw)
            var request = [UInt8](repeating: 0, count: 64)
            _ = recv(raw, &request, request.count, 0)
            for byte in Array("OK 12\nx".utf8) {
                try? device.sendAll([byte], deadline: .never)
                var queued: Int32 = 1
                let limit = Deadline.after(milliseconds: 2000)
                while ioctl(raw, UInt(TIOCOUTQ), &queued) == 0, queued > 0, byte != UInt8(ascii: "x"), !limit.hasPassed
                { sched_yield() }
            }
        }
        try HybridHandshake.request(port: 7, over: ours, deadline: .after(milliseconds: 5000))
        #expect(try ours.readAll(limit: 100, deadline: .after(milliseconds: 5000)) == Array("x".utf8))
    }

    @Test func deviceThatIsGoneIsToldApart() throws {
        #expect(throws: TransportError.self) { try dial(.hybrid(path: "/nowhere/vsock.sock")) }
        #expect(code { try dial(.hybrid(path: "/nowhere/vsock.sock")) } == .deviceGone)
        let folder = try TemporaryFolder()
        // A socket file that nobody listens behind, as a killed device leaves it.
        do { _ = try UnixSocket.listen(at: folder.path + "/vsock.sock") }
        #expect(code { try dial(.hybrid(path: folder.path + "/vsock.sock")) } == .deviceGone)
        #expect(code { try dial(.unix(path: folder.path + "/none")) } == .nobodyListens)
    }

    @Test func deviceThatNeverAcceptsTimesOut() throws {
        let folder = try TemporaryFolder()
        let listener = try UnixSocket.listen(at: folder.path + "/vsock.sock")
        #expect(code { try dial(.hybrid(path: folder.path + "/vsock.sock"), 50) } == .timedOut)
        _ = listener.rawValue
    }
}

func dial(_ address: VsockAddress, _ milliseconds: Int = 5000) throws(TransportError) {
    _ = try VsockTransport.dial(address, port: 1023, deadline: .after(milliseconds: milliseconds))
}

func code(_ body: () throws -> Void) -> TransportError.Code? {
    do { try body() } catch { return (error as? TransportError)?.code }
    return nil
}
