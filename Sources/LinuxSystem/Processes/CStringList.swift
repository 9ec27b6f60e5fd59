/// Strings as `execve(2)` takes them: bytes with a terminator each, in one allocation, and a NULL-terminated
/// array of pointers to them. Bytes, not text: arguments need not be UTF-8.
public struct CStringList: ~Copyable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = []

    public init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    public var isEmpty: Bool { starts.isEmpty }
    public var count: Int { starts.count }

    /// - Parameter value: without NUL; what follows one would be cut.
    public mutating func append(_ value: [UInt8]) {
        // Not generic: another module gets no specialized copy, and the general one takes 1,400 instructions a word.
        starts.append(bytes.count)
        bytes.append(contentsOf: value)
        bytes.append(0)
    }

    public mutating func append(_ value: String) { append(Array(value.utf8)) }

    func withPointers<Result>(_ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: starts.count + 1)
        defer { pointers.deallocate() }
        pointers[starts.count] = nil
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                for (index, start) in starts.enumerated() {
                    pointers[index] = characters.baseAddress.map { UnsafeMutablePointer(mutating: $0 + start) }
                }
                return body(pointers)
            }
        }
    }
}
