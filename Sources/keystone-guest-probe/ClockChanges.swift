import Glibc
import LinuxSystem

/// Whether the kernel tells of a clock that is set, as `ClockChangeDescriptor` expects: in a guest, whose clock is nobody
/// else's.
enum ClockChanges {
    private static let hour = 3600

    static func count() -> Never {
        do throws(SystemError) {
            let changes = try ClockChangeDescriptor()
            var seen = changes.take() ? 1 : 0
            for seconds in [hour, -hour] {
                var now = timespec()
                clock_gettime(CLOCK_REALTIME, &now)
                now.tv_sec += seconds
                guard clock_settime(CLOCK_REALTIME, &now) == 0 else { throw SystemError("set the clock") }
                var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
                if poll(&entry, 1, 5_000) == 1, changes.take(), !changes.take() { seen += 1 }
            }
            Probe.say("\(seen)\n")
            exit(0)
        } catch {
            complain("\(error)")
        }
    }
}
