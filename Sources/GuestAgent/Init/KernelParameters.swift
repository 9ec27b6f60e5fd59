import LinuxSystem

/// The kernel's command line (`/proc/cmdline`), where the host puts what the minimal image must know before the
/// agent is up.
public struct KernelParameters: Equatable, Sendable {
    private let words: [String]

    public init(text: [UInt8]) {
        words = text.split { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
    }

    public static func current() -> KernelParameters {
        KernelParameters(text: (try? SmallFile.read("/proc/cmdline")) ?? [])
    }

    /// The last `name=value`, as the kernel itself has it.
    public func value(_ name: String) -> String? {
        words.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// Whether `name` is there, with or without a value.
    public func has(_ name: String) -> Bool { words.contains(name) || value(name) != nil }
}
