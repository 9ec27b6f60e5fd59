import Glibc
import LinuxSystem

/// Reads a sandbox's events from its files: the older one first, then the newer, then what is added. One thread uses it.
public final class EventReader {
    private static let pieceSize = 64 * 1024

    private let path: String
    private var file: OpenFile?
    private var rest: [UInt8] = []
    private var isFirst = true

    public init(sandbox name: String, in directory: StateDirectory) { path = directory.eventsFile(name) }

    /// All whole lines that were added since the last call; the first call begins with the oldest.
    public func read(_ take: (SandboxEvent) throws(ControllerError) -> Void) throws(ControllerError) {
        if isFirst {
            isFirst = false
            if let older = OpenFile(path + ".1") {
                try drain(older, take)
                // A line that was torn there does not go on here.
                rest = []
            }
        }
        while true {
            if file == nil { file = OpenFile(path) }
            guard let file else { return }
            try drain(file, take)
            guard hasBeenReplaced(file) else { return }
            // It was rotated, or the sandbox began anew: what was added before that has just been read.
            self.file = nil
            rest = []
        }
    }

    private func drain(_ file: OpenFile, _ take: (SandboxEvent) throws(ControllerError) -> Void)
        throws(ControllerError)
    {
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: EventReader.pieceSize) { buffer, count in
                count = max(0, Glibc.read(file.descriptor.rawValue, buffer.baseAddress, buffer.count))
            }
            if piece.isEmpty { return }
            rest += piece
            var start = 0
            while let end = rest[start...].firstIndex(of: 10) {
                if let event = SandboxEvent(rest[start..<end]) { try take(event) }
                start = end + 1
            }
            rest.removeFirst(start)
            // What has no end within the bound is no line of ours.
            if rest.count > SandboxEvent.lineLimit { rest = [] }
        }
    }

    private func hasBeenReplaced(_ file: OpenFile) -> Bool {
        var (ours, theirs) = (stat(), stat())
        guard fstat(file.descriptor.rawValue, &ours) == 0, stat(path, &theirs) == 0 else { return false }
        return ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev
    }

    private final class OpenFile {
        let descriptor: FileDescriptor
        /// - Returns: nil where there is no such file.
        init?(_ path: String) {
            guard let opened = try? FileDescriptor.open(path, O_RDONLY) else { return nil }
            descriptor = opened
        }
    }
}
