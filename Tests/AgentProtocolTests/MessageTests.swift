import Testing

@testable import AgentProtocol

@Suite("Messages")
struct MessageTests {
    private func payload(_ message: some WireMessage) -> [UInt8] { Array(message.frame()[FrameHeader.size...]) }

    private func roundTrips<Message: WireMessage>(_ message: Message) throws -> Bool {
        try payload(message).withUnsafeBytes { try Message(decoding: $0) == message }
    }

    @Test func everyMessageRoundTrips() throws {
        for message in Samples.all { #expect(try roundTrips(message), "\(message)") }
    }

    @Test func randomRequestsRoundTrip() throws {
        var random = SplitMix64(state: 1)
        for _ in 0..<300 {
            func bytes(_ most: Int) -> [UInt8] {
                (0..<Int.random(in: 1...most, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }
            }
            var request = ExecRequest(arguments: (0...Int.random(in: 0...5, using: &random)).map { _ in bytes(300) })
            request.environment = (0..<Int.random(in: 0...5, using: &random)).map { _ in bytes(300) }
            request.timeoutMilliseconds = UInt64.random(in: 0...UInt64.max, using: &random)
            request.detached = Bool.random(using: &random)
            #expect(try roundTrips(request))
        }
    }

    @Test func unknownFieldsAreSkippedUnlessCritical() throws {
        var writer = FieldWriter()
        Samples.exit.encode(into: &writer)
        writer.put(99, "from the future")
        let skipped = try writer.bytes.withUnsafeBytes { try ExitReport(decoding: $0) }
        #expect(skipped == Samples.exit)
        writer.put(99 | FieldWriter.criticalBit, "changes what it means")
        #expect(throws: ProtocolError.unknownCriticalField(99 | FieldWriter.criticalBit)) {
            try writer.bytes.withUnsafeBytes { try ExitReport(decoding: $0) }
        }
    }

    @Test func missingRequiredFieldsAreNamed() {
        #expect(throws: ProtocolError.missingField(1)) {
            try [UInt8]().withUnsafeBytes { try ExitReport(decoding: $0) }
        }
        #expect(throws: ProtocolError.missingField(1)) {
            try [UInt8]().withUnsafeBytes { try ExecRequest(decoding: $0) }
        }
    }

    @Test func argumentsWithNulAndTextThatIsNotUTF8AreRefused() {
        #expect(throws: ProtocolError.malformedField(1)) {
            try payload(ExecRequest(arguments: [[97, 0, 98]])).withUnsafeBytes { try ExecRequest(decoding: $0) }
        }
        var writer = FieldWriter()
        writer.put(1, [97] as [UInt8])
        writer.put(3, [0xFF] as [UInt8])
        #expect(throws: ProtocolError.malformedField(3)) {
            try writer.bytes.withUnsafeBytes { try ExecRequest(decoding: $0) }
        }
    }

    @Test func tooManyArgumentsAreRefused() {
        let request = ExecRequest(arguments: [[UInt8]](repeating: [97], count: Limits.argumentCount + 1))
        #expect(throws: ProtocolError.malformedField(1)) {
            try payload(request).withUnsafeBytes { try ExecRequest(decoding: $0) }
        }
    }

    @Test(
        arguments: [
            (VersionRange(lowest: 1, highest: 3), VersionRange(lowest: 2, highest: 9), 3),
            (VersionRange(lowest: 4, highest: 9), VersionRange(lowest: 1, highest: 4), 4),
            (VersionRange(lowest: 1, highest: 2), VersionRange(lowest: 3, highest: 4), nil),
            (VersionRange(lowest: 5, highest: 5), VersionRange(lowest: 5, highest: 5), 5),
        ] as [(VersionRange, VersionRange, UInt16?)])
    func theHighestCommonVersionIsSpoken(_ ours: VersionRange, _ theirs: VersionRange, _ common: UInt16?) {
        #expect(ours.common(with: theirs) == common)
        #expect(theirs.common(with: ours) == common)
    }

    @Test func aSecretNeverPrintsItself() {
        let secret = Samples.secret(0xAB)
        for text in ["\(secret)", String(reflecting: secret), "\(Hello(role: .report, secret: secret))"] {
            #expect(!text.lowercased().contains("abab") && !text.contains("171"))
        }
        #expect(Secret(hexadecimal: Array(secret.revealHexadecimal().utf8)) == secret)
        #expect(Secret(hexadecimal: Array(secret.revealHexadecimal().utf8.dropLast())) == nil)
        #expect(Secret(hexadecimal: Array((secret.revealHexadecimal() + "00").utf8)) == nil)
        #expect(secret != Samples.secret(0xAA))
    }
}
