import LinuxSystem
import Synchronization

/// Wakes the reporter a little after sessions began or ended: a timer costs a session one cheap system call, where waking a
/// thread would cost as much as a hundred under TCG, and a burst of short commands becomes one report.
///
/// Concurrency: any thread notes; the reporter's takes.
final class SessionNews: Sendable {
    /// Half of what a change may take to the host.
    private static let milliseconds = 10

    private let timer: TimerDescriptor
    private let isArmed = Atomic<Bool>(false)
    /// To poll for POLLIN.
    var rawValue: Int32 { timer.rawValue }

    init() throws(SystemError) { timer = try TimerDescriptor() }

    func note() {
        if !isArmed.exchange(true, ordering: .acquiringAndReleasing) {
            timer.arm(milliseconds: SessionNews.milliseconds)
        }
    }

    /// The timer rang. Until `take` it rings no more, so sessions that come while a report is held back wake nobody.
    func hear() { timer.drain() }

    /// To be called before the sessions are looked at, so that a change during the look is news again.
    func take() { isArmed.store(false, ordering: .releasing) }
}
