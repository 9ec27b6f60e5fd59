import Glibc
import LinuxSystem

/// Looks for byte strings in everything that a guest has as a file: all ordinary files of all mounts but procfs and sysfs, whose
/// files are no storage, and of each process its command line and its environment. The strings come from stdin, one a line in
/// hexadecimal digits, since a command line would be found itself.
enum Search {
    private static let chunk = 1 << 20

    /// Prints `NUMBER-OF-NEEDLE PATH` for each find, then `looked at COUNT files, BYTES bytes`.
    static func run() {
        let needles = needles()
        guard !needles.isEmpty else { complain("search needs strings on stdin") }
        var total = (files: 0, bytes: 0)
        var buffer = [UInt8](repeating: 0, count: chunk)
        walk("") { path in
            guard let file = try? FileDescriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW) else { return }
            total.files += 1
            for index in find(needles, in: file, &buffer, &total.bytes) { Probe.say("\(index) \(path)\n") }
        }
        Probe.say("looked at \(total.files) files, \(total.bytes) bytes\n")
    }

    private static func needles() -> [[UInt8]] {
        var found: [[UInt8]] = []
        while let line = readLine() {
            let digits = line.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            found.append(stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
        }
        return found.filter { !$0.isEmpty }
    }

    /// Chunks overlap by a needle's length, so that none is missed between two.
    private static func find(
        _ needles: [[UInt8]], in file: borrowing FileDescriptor, _ buffer: inout [UInt8], _ total: inout Int
    ) -> Set<Int> {
        let overlap = (needles.map(\.count).max() ?? 1) - 1
        var found: Set<Int> = []
        var kept = 0
        while true {
            let raw = file.rawValue
            let start = kept
            let count = buffer.withUnsafeMutableBytes { read(raw, $0.baseAddress.map { $0 + start }, $0.count - start) }
            guard count > 0 else { return found }
            total += count
            let end = kept + count
            buffer.withUnsafeBytes { bytes in
                for (index, needle) in needles.enumerated() where !found.contains(index) {
                    if ByteSearch.contains(UnsafeRawBufferPointer(rebasing: bytes[..<end]), needle) {
                        found.insert(index)
                    }
                }
            }
            kept = min(overlap, end)
            let from = end - kept
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                base.copyMemory(from: base + from, byteCount: kept)
            }
        }
    }

    private static func walk(_ folder: String, _ body: (String) -> Void) {
        for name in (try? SmallFile.names(in: folder.isEmpty ? "/" : folder)) ?? [] {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard path != "/sys", lstat(path, &status) == 0 else { continue }
            if path == "/proc" {
                for process in (try? SmallFile.names(in: path)) ?? [] where Int(process) != nil {
                    for file in ["cmdline", "environ"] { body("/proc/\(process)/\(file)") }
                }
                body("/proc/cmdline")
            } else if status.st_mode & S_IFMT == S_IFDIR {
                walk(path, body)
            } else if status.st_mode & S_IFMT == S_IFREG {
                body(path)
            }
        }
    }
}
