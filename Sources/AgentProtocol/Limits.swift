/// Every bound of the wire. A peer that passes one is refused before anything is allocated for it.
public enum Limits {
    /// Payload of one data frame (stdin, stdout, stderr), in bytes. Large enough that the cost of a frame
    /// disappears, small enough that a session's buffers stay small.
    public static let dataPayload = 128 * 1024
    /// Payload of a control frame, in bytes.
    public static let controlPayload = 64 * 1024
    /// Payload of a request to run a command: Linux allows 2 MiB of arguments and environment in all under the
    /// usual 8 MiB stack limit (execve(2)), and this carries all of it.
    public static let requestPayload = 2 * 1024 * 1024 + 64 * 1024
    /// Payload of the first frame of a connection, read before the peer has shown its secret.
    public static let helloPayload = 4 * 1024
    /// Payload of a health report, in bytes: all its lists at their bounds. Some hundred while nothing happens.
    public static let healthPayload = 64 * 1024
    /// One argument or environment entry with its terminator: MAX_ARG_STRLEN of the Linux kernel.
    public static let argumentBytes = 128 * 1024
    /// Arguments, or environment entries, of one command.
    public static let argumentCount = 65536
    /// Fields in one control message.
    public static let fieldCount = 2 * 65536 + 64
    /// Bytes that a host may send to a command's stdin before the agent grants more: with 256 KiB the stream stands still
    /// for a fifth of the time under TCG, waiting for grants.
    public static let stdinWindow: UInt32 = 1024 * 1024
    /// A sentence for people, in bytes of UTF-8.
    public static let sentenceBytes = 4096
}

/// vsock port numbers. Both are reserved (below 1024): in a guest, binding one takes CAP_NET_BIND_SERVICE
/// (`__vsock_bind_connectible`), so no unprivileged guest process can pose as the agent.
public enum Ports {
    /// The guest agent listens here; the host dials it, once for each operation.
    public static let operations: UInt32 = 1023
    /// The host listens here; the guest agent dials it once it serves `operations`.
    public static let report: UInt32 = 1023
    /// The host's context id in every guest (VMADDR_CID_HOST, vsock(7)).
    public static let hostCID: UInt32 = 2
}
