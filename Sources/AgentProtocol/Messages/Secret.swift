/// 256 bits that prove who a peer is. Never printed, never in a description.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public static let size = 32
    private let bytes: [UInt8]

    /// - Returns: nil unless there are exactly 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Secret.size else { return nil }
        self.bytes = bytes
    }

    /// From 64 hexadecimal digits, as text.
    public init?(hexadecimal text: [UInt8]) {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
            if bytes.count > Secret.size { return nil }
        }
        guard high == nil else { return nil }
        self.init(bytes)
    }

    /// The bytes themselves, for the wire and the boot credential only.
    public func reveal() -> [UInt8] { bytes }
    public func revealHexadecimal() -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Compares in a time that does not depend on where two secrets differ.
    public func matches(_ other: Secret) -> Bool {
        var difference: UInt8 = 0
        for index in 0..<Secret.size { difference |= bytes[index] ^ other.bytes[index] }
        return difference == 0
    }

    public var description: String { "Secret(…)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable {
    public static func == (a: Secret, b: Secret) -> Bool { a.matches(b) }
}
