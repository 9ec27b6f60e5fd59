/// What the poller gives back with an event: who it is for. Streams have the top bit, their slot's generation (31 bits)
/// and their slot (32 bits).
enum EventToken {
    static let backEnd: UInt64 = 0
    static let listener: UInt64 = 1
    static let stop: UInt64 = 2
    static let generationMask: UInt32 = 0x7fff_ffff
    private static let streamBit: UInt64 = 1 << 63

    static func kick(_ ring: Int) -> UInt64 { 16 + UInt64(ring) }

    static func stream(slot: Int, generation: UInt32) -> UInt64 {
        streamBit | UInt64(generation & generationMask) << 32 | UInt64(UInt32(truncatingIfNeeded: slot))
    }

    /// - Returns: nil when the token is not a stream's.
    static func stream(_ token: UInt64) -> (slot: Int, generation: UInt32)? {
        guard token & streamBit != 0 else { return nil }
        return (Int(token & 0xffff_ffff), UInt32(token >> 32) & generationMask)
    }
}
