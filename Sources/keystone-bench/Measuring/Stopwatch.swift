import LinuxSystem

/// Times on `CLOCK_MONOTONIC`.
struct Stopwatch {
    let start = Deadline.now()

    /// Since it was made, in milliseconds.
    var milliseconds: Double { Double(Deadline.now() - start) / 1e6 }
    var seconds: Double { Double(Deadline.now() - start) / 1e9 }

    static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let watch = Stopwatch()
        try body()
        return watch.milliseconds
    }
}
