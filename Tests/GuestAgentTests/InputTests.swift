import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite struct InputTests {
    let agent: TestAgent
    init() throws { agent = try TestAgent() }

    private func streaming(_ script: String) -> ExecRequest {
        var request = ExecRequest.shell(script)
        request.standardInput = .stream
        return request
    }

    @Test func stdinAndItsEndReachTheCommand() throws {
        let connection = try agent.start(streaming("cat; echo end"))
        try connection.send(.standardInput, Array("hello\n".utf8))
        try connection.send(.standardInputEnd)
        #expect(try connection.result().text == "hello\nend\n")
    }

    @Test func inputFarBeyondTheWindowFlowsByGrants() throws {
        let connection = try agent.start(streaming("sha256sum; echo done"))
        let total = 16 * 1024 * 1024
        var (sent, window) = (0, Int(Limits.stdinWindow))
        let chunk = [UInt8](repeating: 0, count: 65536)
        while sent < total {
            while window < chunk.count {
                window += Int(try connection.next(.standardInputWindow).decode(StandardInputWindow.self).grant)
            }
            try connection.send(.standardInput, chunk)
            window -= chunk.count
            sent += chunk.count
        }
        try connection.send(.standardInputEnd)
        #expect(
            try connection.result().text
                == "080acf35a507ac9849cfcba47dc2ad83e01b75663a516279c8b9d243b719643e  -\ndone\n")
    }

    @Test func inputThatNeverQuiteDrainsNeedsNoMoreRoomThanTheWindow() throws {
        let pair = try FileDescriptor.pipe(flags: O_NONBLOCK)
        let reader = pair.first
        var input = InputStream(.pipe(pair.second))
        var (sent, read, window) = (0, 0, Int(Limits.stdinWindow))
        var space = [UInt8](repeating: 0, count: 40_000)
        while sent < 8 * 1024 * 1024 {
            let count = min(50_000, window)
            // Each byte tells its place, so that a ring that turns wrongly shows.
            let bytes = (sent..<(sent + count)).map { UInt8(truncatingIfNeeded: $0 % 251) }
            let taken = bytes.withUnsafeBytes { input.accept($0) }
            #expect(taken)
            sent += count
            window -= count
            let moved = Glibc.read(reader.rawValue, &space, space.count)
            if let wrong = (0..<max(0, moved)).first(where: { space[$0] != UInt8((read + $0) % 251) }) {
                Issue.record("byte \(read + wrong) is wrong")
                return
            }
            read += max(0, moved)
            input.drain()
            if let grant = input.takeGrant() { window += Int(grant) }
            #expect(input.queue.capacity <= 2 * Int(Limits.stdinWindow))
        }
        #expect(read > sent / 2)
    }

    @Test func unreadInputBlocksNeitherSignalsNorResizesNorCancel() throws {
        let connection = try agent.start(
            streaming("trap 'echo got-usr1' USR1; echo ready; while :; do sleep 0.05; done"))
        try connection.output(until: "ready")
        for _ in 0..<(Int(Limits.stdinWindow) / 65536) {
            try connection.send(.standardInput, [UInt8](repeating: 0x61, count: 65536))
        }
        try connection.send(SignalRequest(number: UInt32(SIGUSR1)))
        try connection.send(Resize(size: .init(rows: 10, columns: 10)))
        try connection.output(until: "got-usr1")
        try connection.send(.cancel)
        #expect(try connection.result().exit?.outcome == .signal(15))
    }

    @Test func peerThatOverrunsTheWindowIsCut() throws {
        let connection = try agent.start(streaming("exec sleep 100"))
        let process = pid_t(try connection.next(.started).decode(Started.self).processID)
        // The window, what the pipe takes and is granted again, and more.
        for _ in 0..<(4 * Int(Limits.stdinWindow) / Limits.dataPayload) {
            try? connection.send(.standardInput, [UInt8](repeating: 0x61, count: Limits.dataPayload))
        }
        #expect(try connection.result().failure?.code == .malformed)
        #expect(Processes.waitUntilGone(process))
    }

    @Test func commandThatClosesItsStdinStillLetsTheHostSend() throws {
        let connection = try agent.start(streaming("exec 0<&-; echo closed; exec sleep 100"))
        try connection.output(until: "closed")
        // Twice the window: all of it is taken, because what nobody will read is thrown away and granted again.
        var window = Int(Limits.stdinWindow)
        for _ in 0..<(2 * Int(Limits.stdinWindow) / 65536) {
            while window < 65536 {
                window += Int(try connection.next(.standardInputWindow).decode(StandardInputWindow.self).grant)
            }
            try connection.send(.standardInput, [UInt8](repeating: 0x61, count: 65536))
            window -= 65536
        }
        try connection.send(SignalRequest(number: UInt32(SIGINT)))
        #expect(try connection.result().exit?.outcome == .signal(2))
    }

    @Test func withoutAStreamStdinIsEmpty() throws {
        #expect(try agent.run("cat; echo end").text == "end\n")
    }
}
