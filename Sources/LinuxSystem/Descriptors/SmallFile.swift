import Glibc

/// Whole small files, such as those of procfs, sysfs and cgroupfs.
public enum SmallFile {
    /// - Throws: `EFBIG` when there is more than `limit`.
    public static func read(_ path: String, limit: Int = 65536) throws(SystemError) -> [UInt8] {
        try FileDescriptor.open(path, O_RDONLY).readAll(limit: limit)
    }

    /// Writes in one `write(2)`, as kernel files want it.
    public static func write(_ path: String, _ text: String, flags: Int32 = O_WRONLY) throws(SystemError) {
        let file = try FileDescriptor.open(path, flags, mode: 0o644)
        try file.writeAll(Array(text.utf8))
    }

    /// Names in a directory but `.` and `..`, in the order of their bytes.
    public static func names(in path: String) throws(SystemError) -> [String] {
        guard let directory = opendir(path) else { throw SystemError("list \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
