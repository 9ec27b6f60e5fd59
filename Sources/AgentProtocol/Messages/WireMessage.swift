/// A control message: a typed value that is one frame.
public protocol WireMessage: Equatable, Sendable {
    static var kind: FrameKind { get }
    func encode(into writer: inout FieldWriter)
    /// - Throws: `ProtocolError` on anything that is not such a message; never traps.
    init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError)
}

extension WireMessage {
    /// The whole frame, header and payload.
    public func frame() -> [UInt8] {
        var writer = FieldWriter()
        encode(into: &writer)
        return FrameEncoding.frame(Self.kind, writer.bytes)
    }
}

public enum FrameEncoding {
    /// A whole frame of raw bytes. The caller keeps `payload` within the kind's limit.
    public static func frame(_ kind: FrameKind, _ payload: [UInt8] = []) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: FrameHeader.size + payload.count) { target, count in
            let raw = UnsafeMutableRawBufferPointer(target)
            FrameHeader(kind: kind, length: payload.count).encode(into: raw)
            UnsafeMutableRawBufferPointer(rebasing: raw[FrameHeader.size...]).copyBytes(from: payload)
            count = FrameHeader.size + payload.count
        }
    }
}
