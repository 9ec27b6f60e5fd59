/// The bytes of a token, such as an API key. Never printed, and overwritten when the last who holds it lets go.
///
/// A class, because an array is copied by whoever changes it, and copies that nobody knows of can't be overwritten.
public final class TokenValue: Sendable {
    /// Bytes of one value, at most.
    public static let sizeLimit = 64 * 1024

    /// Written once, in `init`, so that any thread may read it.
    nonisolated(unsafe) private let storage: UnsafeMutableRawBufferPointer

    /// Copies the bytes; the caller overwrites its own.
    /// - Returns: nil for none, or more than `sizeLimit`.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard (1...TokenValue.sizeLimit).contains(bytes.count) else { return nil }
        storage = .allocate(byteCount: bytes.count, alignment: 16)
        storage.copyMemory(from: bytes)
    }

    public init?(_ bytes: some Collection<UInt8>) {
        guard (1...TokenValue.sizeLimit).contains(bytes.count) else { return nil }
        storage = .allocate(byteCount: bytes.count, alignment: 16)
        storage.copyBytes(from: bytes)
    }

    deinit {
        SecretMemory.wipe(storage)
        storage.deallocate()
    }

    public var count: Int { storage.count }

    /// - Parameter body: must not keep the pointer.
    public func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        body(UnsafeRawBufferPointer(storage))
    }

    /// A copy, for a wire, a file or an environment only.
    public func reveal() -> [UInt8] { Array(storage) }
}

extension TokenValue: Equatable {
    /// In a time that does not depend on where two values of one length differ.
    public static func == (a: TokenValue, b: TokenValue) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<a.count { difference |= a.storage[index] ^ b.storage[index] }
        return difference == 0
    }
}

extension TokenValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "TokenValue(…)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Memory that held secrets.
public enum SecretMemory {
    /// Overwrites with zeros. Not inlined: a compiler that sees that nobody reads the bytes again leaves the writes out.
    @inline(never)
    public static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    public static func wipe(_ bytes: inout [UInt8]) { bytes.withUnsafeMutableBytes { wipe($0) } }
}
