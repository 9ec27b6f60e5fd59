import AgentProtocol
import Glibc
import LinuxSystem
import Synchronization
import Testing

@testable import VsockTransport

@Suite("Forwarded streams") struct ForwardedStreamTests {
    @Test(arguments: [false, true]) func bytesTravelBothWaysAtOnceAndArriveAsTheyAre(overTCP: Bool) throws {
        let rig = try ForwardRig(overTCP: overTCP)
        let (up, down) = (pattern(5_000_000), pattern(3_000_000, 2))
        let (client, target) = (rig.client, rig.target)
        let answered = EndBox()
        try Thread.start(name: "up") {
            try? client.send(up)
            client.endWriting()
        }
        try Thread.start(name: "down") {
            try? target.send(down)
            target.endWriting()
            answered.put(.finished)
        }
        let received = Mutex<[UInt8]>([])
        let done = EndBox()
        try Thread.start(name: "target") {
            let bytes = (try? target.read()) ?? []
            received.withLock { $0 = bytes }
            done.put(.finished)
        }
        #expect(try client.read() == down)
        #expect(done.wait() == .finished && received.withLock { $0 } == up)
        #expect(rig.host.wait() == .finished && rig.guest.wait() == .finished)
        #expect(rig.tally.sent.load(ordering: .relaxed) == 5_000_000)
        #expect(rig.tally.received.load(ordering: .relaxed) == 3_000_000)
        #expect(answered.wait() == .finished)
    }

    @Test(arguments: [false, true]) func eitherSideMayEndFirstAndGoOnListening(overTCP: Bool) throws {
        for clientFirst in [true, false] {
            let rig = try ForwardRig(overTCP: overTCP)
            let (first, second) = clientFirst ? (rig.client, rig.target) : (rig.target, rig.client)
            try first.send(Array("question".utf8))
            first.endWriting()
            #expect(try second.read() == Array("question".utf8))
            try second.send(pattern(100_000))
            second.endWriting()
            #expect(try first.read() == pattern(100_000))
            #expect(rig.host.wait() == .finished && rig.guest.wait() == .finished)
        }
    }

    @Test func aTargetThatNeverReadsHoldsTheClientBackAndNotItself() throws {
        let rig = try ForwardRig()
        // Three socket buffers (net.core.wmem_default, 208 KiB) and a frame in each of two hands.
        let taken = try rig.client.sendUntilHeldBack()
        #expect(taken < 3 << 20, "\(taken)")
        try rig.target.send(pattern(300_000))
        #expect(try rig.client.read(300_000) == pattern(300_000))
        // And the other way round.
        let other = try ForwardRig()
        #expect(try other.target.sendUntilHeldBack() < 3 << 20)
        try other.client.send(pattern(300_000))
        #expect(try other.target.read(300_000) == pattern(300_000))
    }

    @Test func whatWasHeldBackArrivesWhole() throws {
        let rig = try ForwardRig()
        let taken = try rig.client.sendUntilHeldBack()
        rig.client.endWriting()
        #expect(try rig.target.read() == [UInt8](repeating: 7, count: taken))
        rig.target.close()
        #expect(rig.host.wait() == .finished && rig.guest.wait() == .finished)
    }

    @Test func whatAClientSendsBeforeItGoesArrives() throws {
        let rig = try ForwardRig()
        try rig.client.send(pattern(200_000))
        rig.client.close()
        #expect(try rig.target.read() == pattern(200_000))
        rig.target.close()
        #expect(rig.host.wait() == .finished && rig.guest.wait() == .finished)
    }

    @Test func aResetOnOneSideIsAResetOnTheOther() throws {
        for clientResets in [true, false] {
            let rig = try ForwardRig(overTCP: true)
            let (first, second) = clientResets ? (rig.client, rig.target) : (rig.target, rig.client)
            try first.send([1])
            #expect(try second.read(1) == [1])
            TcpSocket.resetOnClose(first.raw)
            first.close()
            #expect(throws: SystemError("receive", code: ECONNRESET)) { try second.read() }
            #expect((clientResets ? rig.host : rig.guest).wait() == .socketLost)
            #expect((clientResets ? rig.guest : rig.host).wait() == .connectionLost)
        }
    }

    @Test func anEndlessTargetIsEndedWhenItsClientIsGone() throws {
        let rig = try ForwardRig()
        let target = rig.target
        rig.client.close()
        let sent = try target.sendUntilHeldBack()
        #expect(sent < 64 << 20, "nobody took it for good")
        #expect(rig.host.wait() == .socketLost && rig.guest.wait() == .connectionLost)
    }

    @Test func aSlowTargetGetsAllOfItAfterTheClientHasGone() throws {
        let rig = try ForwardRig(patience: 100)
        let taken = try rig.client.sendUntilHeldBack()
        rig.target.endWriting()
        rig.client.close()
        // Nothing moves for longer than the patience with those who are gone: the host is not.
        #expect(rig.guest.wait(milliseconds: 400) == nil)
        #expect(try rig.target.read().count == taken)
        #expect(rig.host.wait() == .finished && rig.guest.wait() == .finished)
    }

    // MARK: A peer that the test plays

    /// One side alone.
    private struct Lone {
        let peer: TestSocket
        let socket: TestSocket
        let box = EndBox()

        init(_ side: ForwardedStream.Side, patience: Int = 30_000) throws {
            Signals.ignoreBrokenPipe()
            let carrier = try UnixSocket.pair()
            let ends = try UnixSocket.pair()
            peer = TestSocket(carrier.first)
            socket = TestSocket(ends.first)
            try ForwardRig.carry(side, TestSocket(ends.second), TestSocket(carrier.second), box, nil, patience)
        }

        func send(_ kind: FrameKind, _ payload: [UInt8] = []) throws {
            try peer.send(FrameEncoding.frame(kind, payload))
        }
    }

    @Test(arguments: [ForwardedStream.Side.host, .guest])
    func aPeerThatBreaksTheProtocolEndsIt(_ side: ForwardedStream.Side) throws {
        let lone = try Lone(side)
        try lone.send(.forwardData, [1, 2])
        #expect(try lone.socket.read(2) == [1, 2])
        try lone.send(.forwardEnd)
        try lone.send(.forwardData, [3])
        guard case .refused(.malformed) = lone.box.wait() else { throw SystemError("refuse", code: EPROTO) }
        for bytes: [UInt8] in [
            FrameEncoding.frame(.standardInput, [1]), FrameEncoding.frame(.hello),
            [0xFF, 0xFF, 0xFF, 0xFF, 0x41, 0, 0, 0],
            [0, 0, 0, 0, 0x7F, 0, 0, 0], FrameEncoding.frame(.forwardEnd) + FrameEncoding.frame(.forwardEnd),
            [1, 0, 0, 0, 0x42, 0, 0, 0, 0],
        ] {
            let lone = try Lone(side)
            try lone.peer.send(bytes)
            guard case .refused = lone.box.wait() else { throw SystemError("refuse \(bytes)", code: EPROTO) }
        }
    }

    @Test func randomBytesEndItOneWayOrAnother() throws {
        for seed in 1..<50 as Range<UInt64> {
            let lone = try Lone(.host)
            try lone.peer.send(pattern(300, seed))
            lone.peer.close()
            #expect(lone.box.wait() != nil)
        }
    }

    @Test func aFailureIsPassedOnAndATornFrameIsALoss() throws {
        let lone = try Lone(.host)
        let failure = Failure(.shuttingDown, "no more")
        try lone.peer.send(failure.frame())
        #expect(lone.box.wait() == .failed(failure))
        let torn = try Lone(.host)
        try torn.peer.send(Array(FrameEncoding.frame(.forwardData, [1, 2, 3]).dropLast()))
        torn.peer.close()
        #expect(torn.box.wait() == .connectionLost)
    }

    @Test func aHostThatIsGoneIsNoticedThoughTheTargetDoesNotRead() throws {
        let lone = try Lone(.guest, patience: 200)
        let frames = (0..<64).flatMap { _ in FrameEncoding.frame(.forwardData, [UInt8](repeating: 1, count: 64 * 1024))
        }
        // Until the target's buffer is full, and a frame waits for it.
        #expect(try lone.peer.sendUntilHeldBack(frames) < frames.count)
        #expect(lone.box.wait(milliseconds: 0) == nil)
        lone.peer.close()
        #expect(lone.box.wait() == .connectionLost)
    }

    @Test func theHostWaitsForAsLongAsItsClientIsThere() throws {
        let lone = try Lone(.host, patience: 100)
        var sent = 0
        let frame = FrameEncoding.frame(.forwardData, [UInt8](repeating: 1, count: 64 * 1024))
        // The last of it waits for the client when the guest's side has finished.
        for _ in 0..<4 { try lone.peer.send(frame); sent += 64 * 1024 }
        try lone.send(.forwardEnd)
        lone.socket.endWriting()
        let all = lone.peer
        #expect(try all.read(FrameHeader.size) == FrameEncoding.frame(.forwardEnd))
        all.close()
        #expect(lone.box.wait(milliseconds: 400) == nil)
        #expect(try lone.socket.read().count == sent)
        #expect(lone.box.wait() == .finished)
    }
}
