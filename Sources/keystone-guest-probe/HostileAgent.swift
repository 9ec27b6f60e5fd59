import AgentProtocol
import Glibc
import GuestAgent
import LinuxSystem
import VsockTransport

/// Speaks the protocol badly, as an agent in a captured guest might: with this boot's secret where root has it, or without.
/// Each prints how much the host took before it ended the connection or the time was up.
enum HostileAgent {
    static let modes = [
        "reports", "lengths", "nested", "text", "names", "secrets", "connections", "silent", "hellos", "healthy",
    ]

    static func run(_ arguments: [String]) -> Never {
        guard let mode = arguments.first, modes.contains(mode) else { complain("hostile needs a mode: \(modes)") }
        let seconds = arguments.dropFirst().first.flatMap(Int.init) ?? 5
        let deadline = Deadline.after(milliseconds: seconds * 1000)
        var count = 0
        do {
            switch mode {
            case "reports": count = try pour(deadline) { largestReport }
            case "lengths":
                count = try once([0xFF, 0xFF, 0xFF, 0xFF, FrameKind.healthReport.rawValue, 0, 0, 0], deadline)
            case "nested": count = try once(FrameEncoding.frame(.healthReport, nested(4096)), deadline)
            case "text": count = try once(FrameEncoding.frame(.healthReport, badText), deadline)
            case "names": count = try names(deadline)
            case "secrets": count = secrets(deadline)
            case "connections": count = connections(deadline)
            case "silent": count = try silent(deadline)
            case "healthy": count = try healthy(deadline)
            default: count = hellos(deadline)
            }
        } catch { Probe.say("\(mode): \(error)\n", to: 2) }
        Probe.say("\(mode) \(count)\n")
        exit(0)
    }

    // MARK: With the boot's secret

    private static func dial() throws -> FileDescriptor {
        try VsockTransport.dial(.vsock(cid: Ports.hostCID), port: Ports.report, deadline: .after(milliseconds: 10_000))
    }

    private static func hello() -> [UInt8] {
        guard let text = try? SmallFile.read(BootCredential.firmwarePath, limit: 4096),
            let credential = BootCredential(text: text)
        else { complain("the boot's secret can't be read here") }
        return Hello(features: .health, role: .report, secret: credential.guest, bootID: "hostile").frame()
    }

    /// Welcomed by the host.
    private static func enter() throws -> FileDescriptor {
        let connection = try dial()
        let deadline = Deadline.after(milliseconds: 10_000)
        try connection.sendAll(hello(), deadline: deadline)
        try connection.waitUntilReady(POLLIN, deadline: deadline)
        return connection
    }

    /// Frames without end. - Returns: how many KiB were taken.
    private static func pour(_ deadline: Deadline, _ frame: () -> [UInt8]) throws -> Int {
        let connection = try enter()
        let bytes = frame()
        var sent = 0
        while !deadline.hasPassed {
            do throws(SystemError) { try connection.sendAll(bytes, deadline: deadline) } catch { break }
            sent += bytes.count
        }
        return sent / 1024
    }

    /// One bad frame. - Returns: 1 when the host then ended the connection.
    private static func once(_ frame: [UInt8], _ deadline: Deadline) throws -> Int {
        let connection = try enter()
        try connection.sendAll(frame, deadline: deadline)
        return ended(connection, deadline) ? 1 : 0
    }

    /// Reads until the host goes.
    private static func ended(_ connection: borrowing FileDescriptor, _ deadline: Deadline) -> Bool {
        do throws(SystemError) {
            _ = try connection.readAll(limit: 1 << 20, deadline: deadline)
            return true
        } catch { return false }
    }

    /// Names that drive terminals, in a report that is right. It stays until the time is up.
    private static func names(_ deadline: Deadline) throws -> Int {
        let evil = "\u{1B}]0;owned\u{7}\u{1B}[2J\u{9B}31m\u{202E}%n%s\r\n"
        var figures = HealthFigures()
        (figures.memoryTotal, figures.uptime, figures.load1) = (.max, .max, .max)
        let report = HealthReport(
            clock: .max, figures: figures, sessions: .init(running: .max, detached: .max, started: .max),
            mounts: [.init(path: evil, type: evil, total: 1, available: .max)],
            ports: [.init(port: 1, address: evil)],
            memoryKills: .init(total: .max, recent: [.init(program: evil, processID: .max, uptime: .max)]),
            services: .init(state: evil, failed: [evil], active: [evil]))
        let connection = try enter()
        try connection.sendAll(report.frame(), deadline: deadline)
        Probe.say("told\n")
        return ended(connection, deadline) ? 1 : 0
    }

    /// Says hello and neither reads nor speaks.
    private static func silent(_ deadline: Deadline) throws -> Int {
        let connection = try enter()
        _ = poll(nil, 0, deadline.pollTimeout)
        return connection.rawValue >= 0 ? 1 : 0
    }

    /// Reports each second, as an agent does that nothing is wrong with. - Returns: how many reports were taken.
    private static func healthy(_ deadline: Deadline) throws -> Int {
        let connection = try enter()
        var figures = HealthFigures()
        (figures.memoryTotal, figures.memoryAvailable) = (1 << 20, 1 << 19)
        var count = 0
        while !deadline.hasPassed {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            let clock = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
            figures.uptime += 1000
            try connection.sendAll(HealthReport(clock: clock, figures: figures).frame(), deadline: deadline)
            if count == 0 { Probe.say("told\n") }
            count += 1
            _ = poll(nil, 0, 1000)
        }
        return count
    }

    /// Agents that come and go. - Returns: how many were welcomed.
    private static func hellos(_ deadline: Deadline) -> Int {
        var count = 0
        while !deadline.hasPassed { if (try? enter()) != nil { count += 1 } }
        return count
    }

    // MARK: Without

    /// - Returns: how many of a thousand were *not* refused.
    private static func secrets(_ deadline: Deadline) -> Int {
        var welcomed = 0
        for number in 0..<1000 where !deadline.hasPassed {
            guard let wrong = Secret([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Secret.size)),
                let connection = try? dial()
            else { continue }
            try? connection.sendAll(Hello(role: .report, secret: wrong).frame(), deadline: deadline)
            let answer = (try? connection.readAll(limit: 4096, deadline: deadline)) ?? []
            if answer.count > 4, answer[4] == FrameKind.welcome.rawValue { welcomed += 1 }
        }
        return welcomed
    }

    /// Thousands that say nothing, held until the time is up. - Returns: how many could be opened.
    private static func connections(_ deadline: Deadline) -> Int {
        var limit = rlimit(rlim_cur: 8192, rlim_max: 8192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var held: [Int32] = []
        while held.count < 4000, !deadline.hasPassed {
            guard let connection = try? dial() else { continue }
            held.append(connection.release())
        }
        Probe.say("held\n")
        _ = poll(nil, 0, deadline.pollTimeout)
        return held.count
    }

    // MARK: Bytes

    private static var largestReport: [UInt8] {
        let name = String(repeating: "x", count: 256)
        return HealthReport(
            clock: 1, mounts: (0..<HealthMount.countLimit).map { HealthMount(path: "\($0)" + name, type: name) },
            ports: (0..<ListeningPort.countLimit).map { ListeningPort(port: UInt16($0), address: name) },
            services: .init(
                state: name, failed: (0..<32).map { "\($0)" + name }, active: (0..<128).map { "\($0)" + name })
        ).frame()
    }

    /// Fields in fields.
    private static func nested(_ depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<depth {
            var writer = FieldWriter()
            writer.put(4, bytes)
            bytes = writer.bytes
        }
        return bytes
    }

    private static var badText: [UInt8] {
        var mount = FieldWriter()
        mount.put(1, [0xFF, 0xFE, 0x80] as [UInt8])
        var mounts = FieldWriter()
        mounts.put(1, mount.bytes)
        var report = FieldWriter()
        report.put(1, UInt64(1))
        report.put(4, mounts.bytes)
        return report.bytes
    }
}
