import Testing

@testable import AgentProtocol

@Suite("Frames")
struct FrameTests {
    private static let stream: [UInt8] =
        Samples.all.flatMap { $0.frame() } + FrameEncoding.frame(.standardOutput, [1, 2, 3])
        + FrameEncoding.frame(.standardInputEnd)

    /// Feeds bytes in pieces and decodes all that comes out.
    /// - Returns: the number of frames, or nil when the stream was refused.
    private func digest(_ bytes: [UInt8], piece: Int, limit: Int = .max) -> Int? {
        var buffer = FrameBuffer(capacity: 64, payloadLimit: limit)
        var (count, offset) = (0, 0)
        while offset < bytes.count {
            let next = min(piece, bytes.count - offset)
            bytes.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + next)])) }
            offset += next
            do throws(ProtocolError) {
                while let frame = try buffer.next() {
                    count += 1
                    try Samples.decode(frame.kind, frame.payload)
                }
            } catch { return nil }
        }
        return count
    }

    @Test(arguments: [1, 2, 7, 8, 9, 64, 4096, 1 << 20])
    func framesArriveWholeHoweverTheyAreCut(_ piece: Int) {
        #expect(digest(FrameTests.stream, piece: piece) == Samples.all.count + 2)
    }

    @Test func everyTruncationGivesFewerFramesAndNoError() {
        for length in 0..<FrameTests.stream.count {
            let count = digest(Array(FrameTests.stream[..<length]), piece: 4096)
            #expect(count != nil && (count ?? 0) < Samples.all.count + 2)
        }
    }

    @Test func everySingleByteCorruptionIsAnErrorOrAValidStream() {
        // What is tested is that nothing traps or grows: any answer will do.
        for index in FrameTests.stream.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF, FrameTests.stream[index] ^ 1, FrameTests.stream[index] &+ 1] {
                var corrupted = FrameTests.stream
                corrupted[index] = value
                _ = digest(corrupted, piece: 1 << 20)
            }
        }
    }

    @Test func randomBytesNeverTrap() {
        var random = SplitMix64(state: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = digest(bytes, piece: 13)
            for kind in FrameKind.allCases { bytes.withUnsafeBytes { try? Samples.decode(kind, $0) } }
        }
    }

    @Test(arguments: FrameKind.allCases)
    func aLengthAboveTheCapIsRefusedFromTheHeaderAlone(_ kind: FrameKind) {
        var header = [UInt8](repeating: 0, count: FrameHeader.size)
        header.withUnsafeMutableBytes { FrameHeader(kind: kind, length: kind.limit + 1).encode(into: $0) }
        var buffer = FrameBuffer(capacity: 64)
        header.withUnsafeBytes { buffer.append($0) }
        #expect(refusal(&buffer) == .tooLarge(kind: kind.rawValue, length: kind.limit + 1, limit: kind.limit))
        #expect(buffer.space(atLeast: 1).count <= 64, "no room was made for a payload that is refused")
    }

    @Test func beforeAuthenticationTheCapIsLower() {
        var buffer = FrameBuffer(payloadLimit: Limits.helloPayload)
        let frame = FrameEncoding.frame(.execRequest, [UInt8](repeating: 0, count: Limits.helloPayload + 1))
        frame.withUnsafeBytes { buffer.append($0) }
        #expect(refusal(&buffer) == .tooLarge(kind: 0x10, length: Limits.helloPayload + 1, limit: Limits.helloPayload))
    }

    @Test func unknownKindsAreRefusedBelowTheIgnorableRangeAndSkippedInIt() {
        var buffer = FrameBuffer()
        let stream: [UInt8] =
            [1, 0, 0, 0, 0xC0, 9, 9, 9, 42] + Started(processID: 1, sessionID: "a").frame() + [
                0, 0, 0, 0, 0x70, 0, 0, 0,
            ]
        stream.withUnsafeBytes { buffer.append($0) }
        #expect((try? buffer.next())?.kind == .started)
        #expect(refusal(&buffer) == .unknownKind(0x70))
    }

    private func refusal(_ buffer: inout FrameBuffer) -> ProtocolError? {
        do throws(ProtocolError) {
            _ = try buffer.next()
            return nil
        } catch { return error }
    }
}
