import Glibc
import LinuxSystem

/// Text of kernel files, as bytes: no `String` is made of what is only looked through.
enum KernelText {
    /// The first `limit` bytes of a file, or as many as there are; nothing when it can't be read.
    static func prefix(of path: String, limit: Int = 4096) -> [UInt8] {
        guard let file = try? FileDescriptor.open(path, O_RDONLY) else { return [] }
        return prefix(of: file.rawValue, limit: limit)
    }

    /// From the beginning of an open file, whose place does not move.
    static func prefix(of descriptor: Int32, limit: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = 0
            while count < limit {
                let moved = pread(descriptor, buffer.baseAddress.map { $0 + count }, limit - count, off_t(count))
                if moved < 0, errno == EINTR { continue }
                if moved <= 0 { break }
                count += moved
            }
        }
    }

    static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] { text.split(separator: UInt8(ascii: "\n")) }
    static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// The digits that it begins with.
    static func number(_ text: some Sequence<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { break }
            value = value &* 10 &+ UInt64(byte &- 48)
        }
        return value
    }

    /// A number with two decimals, such as `0.35`, in hundredths.
    static func hundredths(_ text: ArraySlice<UInt8>) -> UInt64 {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1)
        let whole = parts.first.map { number($0) } ?? 0
        let decimals = parts.count > 1 ? number(parts[1].prefix(2)) : 0
        return whole &* 100 &+ decimals
    }

    static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        guard (1...8).contains(text.count) else { return nil }
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 48)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - 55)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 87)
            default: return nil
            }
        }
        return value
    }

    static func string(_ text: some Collection<UInt8>) -> String { String(decoding: text, as: UTF8.self) }
}
