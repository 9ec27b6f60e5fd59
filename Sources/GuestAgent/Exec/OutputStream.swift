import AgentProtocol
import Glibc
import LinuxSystem

/// The agent's end of a command's stdout or stderr, or of its terminal.
struct OutputStream: ~Copyable {
    enum Outcome { case read(Int), nothing, ended }

    let kind: FrameKind
    private var descriptor: FileDescriptor
    private var hasEnded = false
    /// Bytes that were in the pipe when the command ended, and have not been read yet.
    private(set) var owed = 0
    /// Something was read.
    private(set) var hasMoved = false

    /// - Parameter descriptor: non-blocking; -1 for a stream that does not exist.
    init(_ kind: FrameKind, _ descriptor: consuming FileDescriptor) {
        self.kind = kind
        self.descriptor = descriptor
    }

    var isOpen: Bool { rawValue >= 0 }
    /// -1 once it has ended.
    var rawValue: Int32 { hasEnded ? -1 : descriptor.rawValue }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        // A read error ends the stream as its end would: nothing more can come of it.
        guard let result = try? descriptor.read(into: buffer) else {
            close()
            return .ended
        }
        switch result {
        case .moved(let count):
            owed = max(0, owed - count)
            hasMoved = true
            return .read(count)
        case .wouldBlock: return .nothing
        case .endOfFile:
            // With no writer left there is nobody to close it for: that waits until the host knows of the command's end.
            hasEnded = true
            owed = 0
            return .ended
        }
    }

    /// For a stream that flows: fewer, larger reads.
    func raiseCapacity() { descriptor.raisePipeCapacity(to: 1024 * 1024) }

    mutating func close() {
        descriptor = FileDescriptor(owning: -1)
        owed = 0
    }

    /// Notes what the command itself has left to be read.
    mutating func noteCommandEnded() { owed = isOpen ? Terminal.bytesQueued(rawValue) : 0 }
}
