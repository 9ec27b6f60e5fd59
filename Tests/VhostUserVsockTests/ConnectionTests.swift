import Testing

@testable import VhostUserVsock

/// The state machine alone: no descriptors, no time.
struct ConnectionTests {
    static let ports = VsockPorts(host: 1 << 30, guest: 1023)

    func packet(
        _ operation: VsockOperation, length: UInt32 = 0, flags: UInt32 = 0, bufferSize: UInt32 = 1000,
        forwarded: UInt32 = 0
    ) -> VsockHeader {
        VsockHeader(
            sourceCID: 42, destinationCID: 2, sourcePort: 1023, destinationPort: 1 << 30, length: length,
            operation: operation.rawValue, flags: flags, bufferSize: bufferSize, forwarded: forwarded)
    }

    func open(bufferSize: UInt32 = 1000) -> VsockConnection {
        var connection = VsockConnection(dialling: Self.ports, bufferSize: bufferSize)
        _ = connection.takeControl(guestCID: 42)
        #expect(connection.receive(packet(.response)) == .opened)
        return connection
    }

    func next(_ connection: inout VsockConnection) -> VsockOperation? {
        connection.takeControl(guestCID: 42).flatMap { VsockOperation(rawValue: $0.operation) }
    }

    @Test func headersRoundTrip() {
        let header = packet(.payload, length: 7, flags: 3, bufferSize: 5, forwarded: 6)
        withUnsafeTemporaryAllocation(byteCount: 45, alignment: 1) { bytes in
            header.store(to: bytes.baseAddress! + 1)
            #expect(VsockHeader(copying: bytes.baseAddress! + 1) == header)
        }
    }

    @Test func aRequestIsSentOnceAndAnEarlyAnswerRefused() {
        var connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        #expect(connection.receive(packet(.response)) == .violation)
        connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        #expect(next(&connection) == .request)
        #expect(next(&connection) == nil)
    }

    @Test func bytesGoAheadOfTheAnswerOnlyBehindTheRequestAndOnlyAFew() {
        var connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        #expect(!connection.wantsHostInput)
        _ = next(&connection)
        #expect(connection.wantsHostInput)
        #expect(connection.credit == 4096)
        _ = connection.payloadHeader(4096, guestCID: 42)
        #expect(connection.credit == 0)
        #expect(connection.receive(packet(.response, bufferSize: 5000)) == .opened)
        #expect(connection.credit == 904)
    }

    @Test func aGuestThatHadNoRoomForWhatWentAheadIsReset() {
        var connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        _ = next(&connection)
        _ = connection.payloadHeader(200, guestCID: 42)
        #expect(connection.receive(packet(.response, bufferSize: 199)) == .none)
        #expect(connection.phase == .resetting)
        #expect(next(&connection) == .reset)
    }

    @Test func aDialThatIsGivenUpBeforeItWasSentTellsTheGuestNothing() {
        var connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        connection.abandon()
        #expect(connection.phase == .finished)
        connection = VsockConnection(dialling: Self.ports, bufferSize: 1000)
        _ = next(&connection)
        connection.abandon()
        #expect(next(&connection) == .reset)
        #expect(connection.phase == .finished)
    }

    @Test func theResponseGoesBeforeAnythingElse() {
        var connection = VsockConnection(accepting: packet(.request), bufferSize: 1000)
        _ = connection.receive(packet(.creditRequest))
        connection.hostEnded(.send)
        #expect(next(&connection) == .response)
        #expect(next(&connection) == .shutdown)
        #expect(next(&connection) == nil)
    }

    @Test func creditCountsModuloTwoToTheThirtyTwo() {
        var connection = open()
        connection.sent = .max - 9
        connection.guestForwarded = .max - 9
        #expect(connection.credit == 1000)
        _ = connection.payloadHeader(100, guestCID: 42)
        #expect(connection.sent == 90)
        #expect(connection.credit == 900)
        _ = connection.receive(packet(.creditUpdate, forwarded: 90))
        #expect(connection.credit == 1000)
    }

    @Test func aGuestThatTakesCreditBackOrClaimsTooMuchGetsNothing() {
        var connection = open()
        _ = connection.payloadHeader(500, guestCID: 42)
        _ = connection.receive(packet(.creditUpdate, bufferSize: 400))
        #expect(connection.credit == 0)
        _ = connection.receive(packet(.creditUpdate, forwarded: 501))
        #expect(connection.credit == 0)
    }

    @Test func theWindowIsExactAndTheUpdateComesAtHalfOfIt() {
        var connection = open()
        #expect(connection.receive(packet(.payload, length: 1000)) == .payload(1000))
        connection.didForward(499)
        #expect(next(&connection) == nil)
        connection.didForward(1)
        #expect(connection.takeControl(guestCID: 42)?.forwarded == 500)
        #expect(next(&connection) == nil)
        #expect(connection.receive(packet(.payload, length: 501)) == .violation)
        #expect(next(&connection) == .reset)
    }

    /// Newer Linux guests hold no more in flight than their own buffer: an update due later would never come.
    @Test func theUpdateComesInTimeForAGuestWithASmallerBuffer() {
        var connection = open(bufferSize: 1 << 20)
        _ = connection.receive(packet(.payload, length: 1000, bufferSize: 1000))
        connection.didForward(500)
        #expect(next(&connection) == .creditUpdate)
    }

    @Test func payloadCarriesTheCountSoNoUpdateIsOwed() {
        var connection = open()
        _ = connection.receive(packet(.payload, length: 600))
        connection.didForward(600)
        #expect(connection.payloadHeader(1, guestCID: 42).forwarded == 600)
        #expect(next(&connection) == nil)
    }

    @Test func aGuestCloseIsConfirmedByAResetAfterTheFlush() {
        var connection = open()
        _ = connection.receive(packet(.payload, length: 10))
        #expect(connection.receive(packet(.shutdown, flags: 3)) == .shutdown)
        #expect(connection.phase == .flushing)
        #expect(next(&connection) == nil)
        connection.didForward(10)
        connection.finishFlush()
        #expect(next(&connection) == .reset)
        #expect(connection.phase == .finished)
    }

    @Test func twoHalvesOfAGuestShutdownMakeAWhole() {
        var connection = open()
        _ = connection.receive(packet(.shutdown, flags: 2))
        #expect(connection.phase == .open)
        #expect(connection.receive(packet(.payload, length: 0)) == .violation)
        connection = open()
        _ = connection.receive(packet(.shutdown, flags: 1))
        #expect(!connection.wantsHostInput)
        _ = connection.receive(packet(.shutdown, flags: 2))
        #expect(connection.phase == .flushing)
    }

    @Test func closesThatCrossEndInAReset() {
        var connection = open()
        connection.hostEnded(.both)
        #expect(next(&connection) == .shutdown)
        #expect(connection.phase == .lingering)
        _ = connection.receive(packet(.payload, length: 5))
        _ = connection.receive(packet(.shutdown, flags: 3))
        #expect(next(&connection) == .reset)
    }

    @Test func payloadForAHostThatStoppedReadingIsConsumed() {
        var connection = open()
        connection.hostEnded(.receive)
        _ = next(&connection)
        for _ in 0..<10 { #expect(connection.receive(packet(.payload, length: 900)) == .none) }
        #expect(connection.unforwarded == 0)
    }

    @Test func noPacketAfterTheEndDoesAnything() {
        for operation in 1...7 as ClosedRange<UInt16> {
            var connection = open()
            connection.reset()
            var header = packet(.payload)
            header.operation = operation
            _ = connection.receive(header)
            #expect(connection.phase == (operation == 3 ? .finished : .resetting))
        }
    }

    /// Whatever comes, the counters stay within the window, and what is owed is one of a fixed set.
    @Test func randomPacketsKeepTheInvariants() {
        var random = SplitMix(seed: 7)
        for _ in 0..<2000 {
            var connection = random.below(2) == 0 ? open() : VsockConnection(dialling: Self.ports, bufferSize: 1000)
            for _ in 0..<30 {
                var header = packet(.payload, length: UInt32(random.below(700)), flags: UInt32(random.below(5)))
                header.operation = UInt16(random.below(9))
                if case .payload(let count) = connection.receive(header) {
                    connection.didForward(random.below(count + 1))
                }
                if random.below(10) == 0 { connection.hostEnded([.send, .receive, .both][random.below(3)]) }
                if random.below(3) == 0 { _ = connection.takeControl(guestCID: 42) }
                #expect(connection.unforwarded <= 1000)
                #expect(connection.phase != .finished || connection.owed.isEmpty)
            }
        }
    }
}
