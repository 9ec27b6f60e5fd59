/// The header of every virtio-vsock packet (virtio 1.2, 5.10.6): 44 bytes, little-endian.
///
/// A header from the guest is copied out of shared memory first and checked afterwards: the guest may
/// change its own memory at any time.
struct VsockHeader: Equatable, Sendable {
    static let size = 44
    /// `VMADDR_CID_HOST`.
    static let hostCID: UInt64 = 2
    /// The only socket type offered: VIRTIO_VSOCK_F_SEQPACKET is not.
    static let streamType: UInt16 = 1
    /// Linux guests drop packets above this (`VIRTIO_VSOCK_MAX_PKT_BUF_SIZE`).
    static let mostPayload = 65536

    var sourceCID: UInt64
    var destinationCID: UInt64
    var sourcePort: UInt32
    var destinationPort: UInt32
    /// Bytes of payload behind the header.
    var length: UInt32 = 0
    var type: UInt16 = VsockHeader.streamType
    /// Raw, because a guest may write anything here; see `VsockOperation`.
    var operation: UInt16
    var flags: UInt32 = 0
    /// `buf_alloc`: how many unconsumed bytes the sender of this packet is ready to hold.
    var bufferSize: UInt32 = 0
    /// `fwd_cnt`: how many bytes the sender of this packet has consumed since the start, modulo 2³².
    var forwarded: UInt32 = 0
}

extension VsockHeader {
    /// A packet from the host to the guest.
    init(toGuest cid: UInt64, ports: VsockPorts, operation: VsockOperation) {
        self.init(
            sourceCID: VsockHeader.hostCID, destinationCID: cid, sourcePort: ports.host, destinationPort: ports.guest,
            operation: operation.rawValue)
    }

    /// The connection that a packet from the guest belongs to.
    var portsFromGuest: VsockPorts { VsockPorts(host: destinationPort, guest: sourcePort) }

    /// - Parameter bytes: 44 of them, which nobody else changes meanwhile.
    init(copying bytes: UnsafeRawPointer) {
        func field<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) -> Value {
            Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        sourceCID = field(0, UInt64.self)
        destinationCID = field(8, UInt64.self)
        sourcePort = field(16, UInt32.self)
        destinationPort = field(20, UInt32.self)
        length = field(24, UInt32.self)
        type = field(28, UInt16.self)
        operation = field(30, UInt16.self)
        flags = field(32, UInt32.self)
        bufferSize = field(36, UInt32.self)
        forwarded = field(40, UInt32.self)
    }

    /// - Parameter bytes: room for 44.
    func store(to bytes: UnsafeMutableRawPointer) {
        func put<Value: FixedWidthInteger>(_ offset: Int, _ value: Value) {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
        put(0, sourceCID)
        put(8, destinationCID)
        put(16, sourcePort)
        put(20, destinationPort)
        put(24, length)
        put(28, type)
        put(30, operation)
        put(32, flags)
        put(36, bufferSize)
        put(40, forwarded)
    }
}
