import FoundationEssentials
import Glibc
import LinuxSystem

/// A log file, read from its last part on and then as it grows. One thread uses it.
struct LogFile {
    /// Bytes read of each file at most: what a person looks at. The rest stays in the file.
    static let limit = 4 << 20

    let path: String
    private let makeLine: @Sendable (_ text: String, _ time: Date) -> LogLine?
    private let hasTimes: Bool
    private var offset = 0
    private var inode: ino_t = 0
    /// The beginning of a line whose end is not written yet.
    private var partial: [UInt8] = []

    /// - Parameter hasTimes: there is a `LogTimes` beside it; else its lines have their own.
    init(
        _ path: String, hasTimes: Bool, makeLine: @escaping @Sendable (_ text: String, _ time: Date) -> LogLine?
    ) {
        self.path = path
        self.hasTimes = hasTimes
        self.makeLine = makeLine
    }

    /// What is there, with what was put aside before it.
    mutating func readAll() -> [LogLine] {
        var old = LogFile(path + ".1", hasTimes: hasTimes, makeLine: makeLine)
        let before = access(old.path, F_OK) == 0 ? old.readCurrent(limit: Self.limit) : []
        return before + readCurrent(limit: Self.limit)
    }

    private mutating func readCurrent(limit: Int) -> [LogLine] {
        guard let (status, bytes, start) = Self.part(path, limit: limit, from: nil) else { return [] }
        offset = start + bytes.count
        inode = status.st_ino
        let changed = Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec))
        let times = hasTimes ? LogTimes.read(for: path, otherwise: changed) : nil
        return lines(bytes, start: start) { times?.time(at: $0) ?? changed }
    }

    /// What has been added since. A file that was cut or replaced is read from its beginning.
    mutating func readNew(now: Date) -> [LogLine] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        if status.st_ino != inode || Int(status.st_size) < offset { (offset, partial) = (0, []) }
        inode = status.st_ino
        guard let (_, bytes, start) = Self.part(path, limit: Self.limit, from: offset) else { return [] }
        offset = start + bytes.count
        return lines(bytes, start: start) { _ in now }
    }

    private mutating func lines(_ bytes: [UInt8], start: Int, time: (Int) -> Date) -> [LogLine] {
        var result: [LogLine] = []
        var lineStart = start
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 10) {
            take(partial + rest[..<end], time(lineStart), &result)
            partial = []
            lineStart += rest.distance(from: rest.startIndex, to: end) + 1
            rest = rest[(end + 1)...]
        }
        if partial.count < LogLine.longest { partial += rest.prefix(LogLine.longest) }
        return result
    }

    private func take(_ bytes: [UInt8], _ time: Date, _ result: inout [LogLine]) {
        let text = String(decoding: bytes.prefix(LogLine.longest), as: UTF8.self)
        // A serial console ends its lines with \r\n, and clears them with \r alone.
        let clean = text.split(separator: "\r", omittingEmptySubsequences: true).last.map(String.init) ?? ""
        guard clean.contains(where: { !$0.isWhitespace }), let line = makeLine(clean, time) else { return }
        result.append(line)
    }

    /// - Parameter from: the byte to begin at, or nil for the last `limit` bytes.
    private static func part(_ path: String, limit: Int, from: Int?) -> (stat, bytes: [UInt8], start: Int)? {
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK)
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            let start = max(from ?? 0, Int(status.st_size) - limit)
            var bytes = [UInt8](repeating: 0, count: max(0, Int(status.st_size) - start))
            let count = pread(file.rawValue, &bytes, bytes.count, off_t(start))
            return (status, Array(bytes.prefix(max(0, count))), start)
        } catch { return nil }
    }
}
