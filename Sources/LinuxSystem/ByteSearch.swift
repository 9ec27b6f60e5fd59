import Glibc

/// Strings among bytes. `String.contains(String)` would bring Swift's regular expressions, 1.2 MB, into the agent.
public enum ByteSearch {
    public static func contains(_ bytes: UnsafeRawBufferPointer, _ needle: [UInt8]) -> Bool {
        end(of: needle, in: bytes) != nil
    }

    /// - Returns: how many bytes there are up to the end of the first `needle`; nil where there is none.
    public static func end(of needle: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let first = needle.first else { return 0 }
        guard let base = bytes.baseAddress else { return nil }
        var position = 0
        while bytes.count - position >= needle.count {
            guard let hit = memchr(base + position, Int32(first), bytes.count - position - needle.count + 1) else {
                return nil
            }
            position = base.distance(to: UnsafeRawPointer(hit))
            if memcmp(base + position, needle, needle.count) == 0 { return position + needle.count }
            position += 1
        }
        return nil
    }
}
