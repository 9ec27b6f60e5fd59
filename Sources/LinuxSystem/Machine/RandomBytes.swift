import CLinux

public enum RandomBytes {
    /// - Parameter count: at most 256, which `getrandom(2)` never gives in part once the kernel's pool is ready.
    public static func make(_ count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try retryingInterrupts("get random bytes") {
            bytes.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
        }
        return bytes
    }
}
