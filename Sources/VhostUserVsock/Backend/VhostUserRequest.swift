/// Requests of the vhost-user protocol that this device knows (QEMU, docs/interop/vhost-user.rst).
enum VhostUserRequest: UInt32, Sendable {
    case getFeatures = 1
    case setFeatures = 2
    case setOwner = 3
    case resetOwner = 4
    case setMemoryTable = 5
    case setRingSize = 8
    case setRingAddresses = 9
    case setRingBase = 10
    case getRingBase = 11
    case setRingKick = 12
    case setRingCall = 13
    case setRingError = 14
    case getProtocolFeatures = 15
    case setProtocolFeatures = 16
    case getQueueCount = 17
    case setRingEnabled = 18
    case getConfiguration = 24
    case setConfiguration = 25
}

/// Feature bits that this device offers.
enum VhostUserFeatures {
    /// VIRTIO_F_VERSION_1 and VHOST_USER_F_PROTOCOL_FEATURES. EVENT_IDX and INDIRECT_DESC were measured to bring
    /// nothing.
    static let device: UInt64 = 1 << 32 | protocolFeatures
    static let protocolFeatures: UInt64 = 1 << 30
    /// REPLY_ACK and CONFIG (the guest CID is only read through GET_CONFIG).
    static let backEnd: UInt64 = 1 << 3 | 1 << 9
}
