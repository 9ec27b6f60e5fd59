import AgentProtocol
import Glibc
import LinuxSystem

/// Processes that the kernel killed for want of memory, told by its log (`/dev/kmsg`) at once, whoever's they were and
/// whichever cgroup they were in. Belongs to one thread.
struct KernelLog: ~Copyable {
    private let log: FileDescriptor
    private(set) var kills = MemoryKills()
    /// To poll for POLLIN; -1 where there is no log to be had.
    var pollDescriptor: Int32 { log.rawValue }

    /// What was said before is not told: how many there were in all, the kernel counts.
    init() {
        log = (try? FileDescriptor.open("/dev/kmsg", O_RDONLY | O_NONBLOCK)) ?? FileDescriptor(owning: -1)
        if log.rawValue >= 0 { lseek(log.rawValue, 0, SEEK_END) }
        count()
    }

    /// The kernel's own number, which also counts what was missed.
    mutating func count() {
        for line in KernelText.lines(KernelText.prefix(of: "/proc/vmstat", limit: 32 * 1024))
        where line.starts(with: "oom_kill ".utf8) {
            kills.total = KernelText.number(line.dropFirst("oom_kill ".utf8.count))
        }
    }

    /// Takes what was said since the last call. - Returns: whether somebody was killed.
    mutating func take() -> Bool {
        var killed = false
        // A log that is written to without end must not hold the reports.
        for _ in 0..<256 {
            let record = [UInt8](unsafeUninitializedCapacity: 2048) { buffer, count in
                count = max(0, read(log.rawValue, buffer.baseAddress, buffer.count))
            }
            // EPIPE: records were overwritten before they were read; the next read goes on behind them.
            if record.isEmpty {
                if errno == EPIPE || errno == EINTR || errno == EINVAL { continue }
                break
            }
            guard var kill = KernelLog.kill(record) else { continue }
            kill.uptime = FiguresReading.uptime
            kills.recent = kills.recent.suffix(MemoryKills.countLimit - 1) + [kill]
            killed = true
        }
        if killed { count() }
        return killed
    }

    /// A record is `priority,number,time,flags;text`. Only the kernel's own have a priority below 8 (devkmsg_write gives
    /// others a facility), so no process can make one up.
    static func kill(_ record: [UInt8]) -> MemoryKills.Kill? {
        guard let end = record.firstIndex(of: UInt8(ascii: ";")), record[0] >= 48, record[0] <= 55,
            record.count > 1, record[1] == UInt8(ascii: ","),
            let rest = behind("Killed process ", in: record[end...])
        else { return nil }
        guard let open = rest.firstIndex(of: UInt8(ascii: "(")),
            let close = rest[open...].firstIndex(of: UInt8(ascii: ")"))
        else { return nil }
        return MemoryKills.Kill(
            program: KernelText.string(rest[(open + 1)..<close]), processID: KernelText.number(rest), uptime: 0)
    }

    private static func behind(_ words: String, in text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        text.withUnsafeBytes { ByteSearch.end(of: Array(words.utf8), in: $0) }.map { text.dropFirst($0) }
    }
}
