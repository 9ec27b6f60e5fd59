import Glibc
import LinuxSystem

enum LogTail {
    /// The last line with something on it in the last 4 KiB of a file, at most 200 characters.
    static func lastLine(of path: String) -> String? {
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_RDONLY)
            let size = lseek(file.rawValue, 0, SEEK_END)
            lseek(file.rawValue, max(0, size - 4096), SEEK_SET)
            let bytes = try file.readAll(limit: 64 * 1024)
            let line = bytes.split(separator: 10).last { line in line.contains { $0 > 32 } }
            return line.map { String(String(decoding: $0, as: UTF8.self).prefix(200)).trimmingCarriageReturn() }
        } catch { return nil }
    }
}

extension String {
    fileprivate func trimmingCarriageReturn() -> String { hasSuffix("\r") ? String(dropLast()) : self }
}
