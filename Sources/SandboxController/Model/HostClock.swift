import Glibc

/// Seconds since this host booted, with those it was suspended for: CLOCK_BOOTTIME, which nobody can set
/// (clock_gettime(2)). For durations that a person is told; the time of day may jump.
enum HostClock {
    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
