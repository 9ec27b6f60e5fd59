import FoundationEssentials
import Glibc
import LinuxSystem

/// When which part of a log file was written: beside `console.log`, which has no times of its own, `console.log.times` says
/// `OFFSET MILLISECONDS` a line: what is from that byte on came at about that time (Unix time).
struct LogTimes: Equatable, Sendable {
    /// Bytes of the file that are read at most.
    static let limit = 1 << 20

    struct Entry: Equatable, Sendable {
        var offset: Int
        var milliseconds: Int

        var line: String { "\(offset) \(milliseconds)\n" }
        var time: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
    }

    private let entries: [Entry]
    private let otherwise: Date

    /// - Parameter otherwise: for what no entry is about.
    init(_ bytes: [UInt8], otherwise: Date) {
        entries = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let numbers = line.split(separator: " ").map { Int($0) }
            guard numbers.count == 2, let offset = numbers[0], let milliseconds = numbers[1] else { return nil }
            return Entry(offset: offset, milliseconds: milliseconds)
        }
        self.otherwise = otherwise
    }

    static func read(for file: String, otherwise: Date) -> LogTimes {
        LogTimes((try? SmallFile.read(path(for: file), limit: limit)) ?? [], otherwise: otherwise)
    }

    static func path(for file: String) -> String { file + ".times" }

    func time(at offset: Int) -> Date {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? otherwise : entries[low - 1].time
    }
}
