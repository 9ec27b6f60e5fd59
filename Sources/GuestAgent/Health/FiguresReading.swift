import AgentProtocol
import Glibc
import LinuxSystem

/// The machine's numbers, from `/proc` (proc(5)).
enum FiguresReading {
    /// When this was first asked for: the reporter does it at once.
    static let began = Deadline.now()

    static func read() -> HealthFigures {
        var figures = HealthFigures()
        figures.uptime = Self.uptime
        take(load: KernelText.prefix(of: "/proc/loadavg", limit: 128), &figures)
        take(memory: KernelText.prefix(of: "/proc/meminfo", limit: 2048), &figures)
        figures.pressure = pressure { KernelText.prefix(of: "/proc/pressure/\($0)", limit: 256) }
        takeAgent(&figures)
        return figures
    }

    /// Milliseconds since the machine's boot.
    static var uptime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) &* 1000 &+ UInt64(time.tv_nsec / 1_000_000)
    }

    /// `0.00 0.01 0.05 1/123 4567`.
    static func take(load text: [UInt8], _ figures: inout HealthFigures) {
        let words = KernelText.words(text[...])
        guard words.count >= 4 else { return }
        figures.load1 = KernelText.hundredths(words[0])
        figures.load5 = KernelText.hundredths(words[1])
        figures.load15 = KernelText.hundredths(words[2])
        figures.tasks = words[3].split(separator: UInt8(ascii: "/")).last.map { KernelText.number($0) } ?? 0
    }

    static func take(memory text: [UInt8], _ figures: inout HealthFigures) {
        // Fifty lines of others.
        for line in KernelText.lines(text) where line.first == UInt8(ascii: "M") || line.first == UInt8(ascii: "S") {
            let words = KernelText.words(line)
            guard words.count >= 2 else { continue }
            let value = KernelText.number(words[1])
            if words[0].elementsEqual("MemTotal:".utf8) { figures.memoryTotal = value }
            if words[0].elementsEqual("MemAvailable:".utf8) { figures.memoryAvailable = value }
            if words[0].elementsEqual("SwapTotal:".utf8) { figures.swapTotal = value }
            if words[0].elementsEqual("SwapFree:".utf8) { figures.swapFree = value }
        }
    }

    /// - Returns: nil where the kernel keeps no pressure.
    static func pressure(_ text: (String) -> [UInt8]) -> HealthFigures.Pressure? {
        let processor = text("cpu")
        if processor.isEmpty { return nil }
        let (memory, storage) = (text("memory"), text("io"))
        return HealthFigures.Pressure(
            processorSome: share("some", in: processor), memorySome: share("some", in: memory),
            memoryFull: share("full", in: memory), storageSome: share("some", in: storage),
            storageFull: share("full", in: storage))
    }

    /// Of a line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
    private static func share(_ which: String, in text: [UInt8]) -> UInt64 {
        for line in KernelText.lines(text) where line.starts(with: which.utf8) {
            for word in KernelText.words(line) where word.starts(with: "avg10=".utf8) {
                return KernelText.hundredths(word.dropFirst(6))
            }
        }
        return 0
    }

    private static func takeAgent(_ figures: inout HealthFigures) {
        // Asked for before the time is: its first use makes it.
        let began = began
        figures.agentUptime = (Deadline.now() - began) / 1_000_000
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        figures.agentProcessorTime = UInt64(time.tv_sec) &* 1000 &+ UInt64(time.tv_nsec / 1_000_000)
        figures.agentResident = resident(KernelText.prefix(of: "/proc/self/smaps_rollup", limit: 512))
    }

    /// KiB. Not from `statm`: each thread keeps its part of that count to itself for a while (SPLIT_RSS_COUNTING), and an agent
    /// that has given pages back reads 0 there.
    static func resident(_ text: [UInt8]) -> UInt64 {
        for line in KernelText.lines(text) where line.starts(with: "Rss:".utf8) {
            return KernelText.number(KernelText.words(line).dropFirst().first ?? [])
        }
        return 0
    }
}
