import Foundation
import Glibc
import LinuxSystem

/// A small file system of its own, which can be filled to the last byte.
final class SmallDisk: Sendable {
    let folder: String
    private var filler: String { folder + "/filler" }

    init(_ name: String, mebibytes: Int) throws {
        folder = try Room.shared().makeFolder(name)
        try HostProgram.run(["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m,mode=700", "keystone-faults", folder])
    }

    deinit { _ = try? HostProgram.run(["umount", "-l", folder]) }

    func fill() throws {
        let file = try FileDescriptor.open(filler, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        let raw = file.rawValue
        // Blocks of all sizes, so that nothing at all is left.
        for size in [1 << 20, 4096, 1] {
            let block = [UInt8](repeating: 0, count: size)
            while write(raw, block, size) == size {}
        }
        guard errno == ENOSPC else { throw SystemError("fill \(folder)") }
    }

    func free() { unlink(filler) }
}
