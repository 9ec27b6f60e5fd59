import Glibc

/// Strings among bytes. `String.contains(String)` would bring Swift's regular expressions, 1.2 MB, into the agent.
public enum ByteSearch {
    public static func contains(_ bytes: UnsafeRawBufferPointer, _ needle: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        guard let base = bytes.baseAddress else { return false }
        var position = 0
        while bytes.count - position >= needle.count {
            guard let hit = memchr(base + position, Int32(first), bytes.count - position - needle.count + 1) else {
                return false
            }
            position = base.distance(to: UnsafeRawPointer(hit))
            if memcmp(base + position, needle, needle.count) == 0 { return true }
            position += 1
        }
        return false
    }
}
