import Glibc
import LinuxSystem

enum LogTail {
    /// The last line with something on it in the last 4 KiB of a file, at most 200 characters.
    static func lastLine(of path: String) -> String? {
        lastLine(of: path, within: 4096) { line in line.contains { $0 > 32 } }
    }

    /// The last line with this text in the last 64 KiB: a kernel prints some 3 KiB of registers and calls behind a panic.
    static func lastLine(of path: String, with text: String) -> String? {
        let wanted = Array(text.utf8)
        return lastLine(of: path, within: 65_536) { line in
            line.withUnsafeBytes { ByteSearch.contains($0, wanted) }
        }
    }

    private static func lastLine(of path: String, within size: off_t, where fits: (ArraySlice<UInt8>) -> Bool)
        -> String?
    {
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_RDONLY)
            let end = lseek(file.rawValue, 0, SEEK_END)
            lseek(file.rawValue, max(0, end - size), SEEK_SET)
            let bytes = try file.readAll(limit: 2 * Int(size))
            let line = bytes.split(separator: 10).last(where: fits)
            return line.map { String(String(decoding: $0, as: UTF8.self).prefix(200)).trimmingCarriageReturn() }
        } catch { return nil }
    }
}

extension String {
    fileprivate func trimmingCarriageReturn() -> String { hasSuffix("\r") ? String(dropLast()) : self }
}
