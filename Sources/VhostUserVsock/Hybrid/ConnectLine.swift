/// The first line of a host client: `CONNECT <port>\n`, as it may arrive byte by byte.
struct ConnectLine: Equatable, Sendable {
    enum Outcome: Equatable, Sendable {
        /// The line is not whole yet.
        case incomplete
        case port(UInt32)
        case malformed
    }

    /// "CONNECT 4294967295\n" has 19 bytes; one more for a carriage return.
    static let longest = 20
    private static let verb: StaticString = "CONNECT "

    private var length = 0
    private var port: UInt64 = 0
    private var digits = 0
    private var sawReturn = false

    /// How many bytes may be looked at next, at least 1 unless the line is over.
    var room: Int { ConnectLine.longest - length }

    /// Takes the next bytes, up to the end of the line and never beyond.
    /// - Returns: how many were taken, and what they came to.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> (taken: Int, outcome: Outcome) {
        for (offset, byte) in bytes.enumerated() {
            switch take(byte) {
            case .incomplete: continue
            case let outcome: return (offset + 1, outcome)
            }
        }
        return (bytes.count, room > 0 ? .incomplete : .malformed)
    }

    private mutating func take(_ byte: UInt8) -> Outcome {
        defer { length += 1 }
        if length < ConnectLine.verb.utf8CodeUnitCount {
            return byte == ConnectLine.verb.utf8Start[length] ? .incomplete : .malformed
        }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9") where digits < 10 && !sawReturn:
            port = port * 10 + UInt64(byte - UInt8(ascii: "0"))
            digits += 1
            return .incomplete
        case UInt8(ascii: "\r") where digits > 0 && !sawReturn:
            sawReturn = true
            return .incomplete
        case UInt8(ascii: "\n") where digits > 0:
            return UInt32(exactly: port).map { .port($0) } ?? .malformed
        default: return .malformed
        }
    }
}
