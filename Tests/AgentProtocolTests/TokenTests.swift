import Testing

@testable import AgentProtocol

@Suite("Tokens on the wire")
struct TokenTests {
    private func request(_ write: (inout FieldWriter) -> Void) throws -> ProvisionRequest {
        var writer = FieldWriter()
        write(&writer)
        return try writer.bytes.withUnsafeBytes { try ProvisionRequest(decoding: $0) }
    }

    @Test func aValueNeverPrintsItself() throws {
        let value = try #require(TokenValue(Array("canary-value".utf8)))
        let token = try #require(ProvisionRequest.Token(name: "KEY", value: value))
        var dumped = ""
        dump(token, to: &dumped)
        for text in ["\(value)", String(reflecting: value), "\(token)", String(reflecting: token), dumped] {
            #expect(!text.contains("canary"))
        }
        #expect(token.entry == Array("KEY=canary-value".utf8) && value.count == 12)
        #expect(value == TokenValue(Array("canary-value".utf8)) && value != TokenValue(Array("canary-valuf".utf8)))
    }

    @Test func valuesHaveOneByteToSixtyFourKibibytes() {
        #expect(TokenValue([UInt8]()) == nil)
        #expect(TokenValue([UInt8](repeating: 1, count: TokenValue.sizeLimit))?.count == 65536)
        #expect(TokenValue([UInt8](repeating: 1, count: TokenValue.sizeLimit + 1)) == nil)
    }

    @Test(arguments: ["", "1A", "A-B", "A/B", "..", "A=B", "A\u{0}", "Ä", String(repeating: "A", count: 129)])
    func whatCantBeAVariableIsNoName(_ name: String) { #expect(!ProvisionRequest.Token.isName(name)) }

    @Test func aNulMakesATokenAFileOnly() throws {
        let token = try #require(Samples.token("A", [1, 0, 2]))
        #expect(token.entry == nil && token.hindrance == "it has a NUL byte")
        #expect(Samples.token("_a1", [10, 255])?.entry == Array("_a1=".utf8) + [10, 255])
    }

    @Test func hostileListsAreRefused() throws {
        let name = { (writer: inout FieldWriter, text: String) in writer.put(14, text) }
        let value = { (writer: inout FieldWriter, count: Int) in writer.put(15, [UInt8](repeating: 7, count: count)) }
        #expect(throws: ProtocolError.missingField(15)) { try request { name(&$0, "A") } }
        #expect(throws: ProtocolError.missingField(14)) { try request { value(&$0, 1) } }
        #expect(throws: ProtocolError.malformedField(14)) {
            try request {
                name(&$0, "A"); name(&$0, "B")
            }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request {
                name(&$0, "../A"); value(&$0, 1)
            }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request {
                name(&$0, "A"); value(&$0, 0)
            }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request {
                name(&$0, "A"); value(&$0, 65537)
            }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request { for _ in 0..<2 { name(&$0, "A"); value(&$0, 1) } }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request { for index in 0..<65 { name(&$0, "A\(index)"); value(&$0, 1) } }
        }
        #expect(throws: ProtocolError.malformedField(15)) {
            try request { for index in 0..<9 { name(&$0, "A\(index)"); value(&$0, 65536) } }
        }
        #expect(throws: ProtocolError.malformedField(16)) { try request { $0.put(16, [65, 61, 0] as [UInt8]) } }
        #expect(throws: ProtocolError.malformedField(16)) {
            try request { for _ in 0..<3 { $0.put(16, [UInt8](repeating: 65, count: 100_000)) } }
        }
    }

    /// The most tokens, variables and variables of files there may be fit into one frame.
    @Test func theLargestRequestFitsAFrame() throws {
        let value = [UInt8](repeating: 65, count: ProvisionRequest.tokenBytes / ProvisionRequest.tokenLimit)
        var request = ProvisionRequest(steps: Set(ProvisionStep.allCases))
        request.tokens = (0..<ProvisionRequest.tokenLimit).compactMap { Samples.token("TOKEN_\($0)", value) }
        request.projectEnvironment = (0..<2).map { _ in
            [UInt8](repeating: 66, count: ProvisionRequest.projectEnvironmentBytes / 2)
        }
        request.environment = (0..<4096).map { Array("NAME_\($0)=".utf8) + [UInt8](repeating: 67, count: 240) }
        let frame = request.frame()
        #expect(frame.count - FrameHeader.size <= FrameKind.provisionRequest.limit)
        let decoded = try frame[FrameHeader.size...].withUnsafeBytes { try ProvisionRequest(decoding: $0) }
        #expect(decoded == request)
    }

    @Test func whatWasTakenFromABufferCanBeWiped() throws {
        var buffer = FrameBuffer(capacity: 64)
        let first = FrameEncoding.frame(.echo, Array("canary".utf8))
        let second = FrameEncoding.frame(.echo, Array("kept".utf8))
        (first + second).withUnsafeBytes { buffer.append($0) }
        let taken = try #require(try buffer.next()).payload
        buffer.wipeTaken()
        #expect(Array(taken) == [UInt8](repeating: 0, count: 6))
        #expect(try buffer.next().map { Array($0.payload) } == Array("kept".utf8))
    }
}
