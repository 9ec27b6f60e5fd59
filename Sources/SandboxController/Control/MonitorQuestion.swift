import LinuxSystem

/// Asks a sandbox's monitor how things are, and lets it think: many may be asked before the first answer is read.
final class MonitorQuestion {
    private let client: ControlClient
    private let deadline = Deadline.after(milliseconds: 2_000)

    /// - Returns: nil when no monitor listens.
    init?(_ name: String, in directory: StateDirectory) {
        do throws(SystemError) {
            client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
        } catch { return nil }
        client.tell(ControlMessage(.describe))
    }

    /// - Returns: nil when the monitor ended or hangs.
    func answer() -> StateFile? {
        let answer = try? client.answer(deadline: deadline)
        return answer?.text(.stateFile).flatMap { StateFile.decoding(Array($0.utf8)) }
    }
}
