/// How a driver broke a ring. The ring stops; a driver that means well never gets here.
enum RingFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The available index is further ahead than the ring is long.
    case indexJump
    /// A descriptor number outside the table.
    case badDescriptor
    /// A chain with more descriptors than the ring has, which means a loop, or than one system call takes.
    case chainTooLong
    /// Bytes outside guest memory.
    case badAddress
    /// A chain that must be written may only be read, or the reverse.
    case wrongDirection
    /// VIRTQ_DESC_F_INDIRECT, which was not offered, or a flag nobody knows.
    case badFlags
    /// A receive buffer with no room for a header and one byte.
    case bufferTooSmall

    var description: String {
        switch self {
        case .indexJump: "its index jumped by more than its length"
        case .badDescriptor: "it names a descriptor outside its table"
        case .chainTooLong: "a descriptor chain is too long or a loop"
        case .badAddress: "a descriptor points outside guest memory"
        case .wrongDirection: "a descriptor has the wrong direction"
        case .badFlags: "a descriptor has flags that were not offered"
        case .bufferTooSmall: "a receive buffer is smaller than a header and one byte"
        }
    }
}
