import CLinux
import Glibc

extension FileDescriptor {
    /// One `recvmsg(2)` that also takes descriptors (`SCM_RIGHTS`), all close-on-exec and the caller's to close.
    /// - Parameters:
    ///   - buffer: where the bytes go; not empty.
    ///   - descriptors: room for at most 64; what does not fit is closed.
    /// - Returns: what became of the bytes, and how many descriptors came with them.
    public borrowing func receive(
        into buffer: UnsafeMutableRawBufferPointer, descriptors: UnsafeMutableBufferPointer<Int32>
    ) throws(SystemError) -> (transfer: TransferResult, descriptors: Int) {
        var received: Int32 = 0
        while true {
            let count = ks_receive_descriptors(
                rawValue, buffer.baseAddress, buffer.count, descriptors.baseAddress, Int32(descriptors.count), &received
            )
            if count > 0 { return (.moved(count), Int(received)) }
            if count == 0 { return (.endOfFile, Int(received)) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return (.wouldBlock, 0)
            // A UNIX peer that closed with unread bytes leaves this instead of an end of file.
            case ECONNRESET: return (.endOfFile, 0)
            default: throw SystemError("receive a message")
            }
        }
    }
}
