/// The transient unit of the systemd user manager in which a monitor runs: `systemd-run`'s arguments, a pure function.
///
/// What the unit adds to a monitor that detaches by itself: whatever becomes of the monitor, the manager ends every process
/// that is left in the unit's control group, and `systemctl --user` shows and stops it.
struct TransientUnit: Equatable, Sendable {
    /// One for each boot, so that a sandbox that is started again need not wait until its last unit has been forgotten.
    let name: String
    let description: String
    /// Absolute.
    let workingFolder: String
    /// `NAME=value`: the monitor's environment, with nothing of the manager's own in it.
    let environment: [String]
    /// The monitor's program and its arguments. Descriptor 0 is its start channel.
    let command: [String]
    let limits: ResourceLimits

    /// Seconds that a stop of the unit gives a guest to power off before the control group is killed.
    static let stopSeconds = 45

    /// - Parameters:
    ///   - environmentProgram: `env(1)`, by its path.
    ///   - program: keystone, by its path.
    func arguments(environmentProgram: String, program: String) -> [String] {
        var words = [
            "--user", "--quiet", "--collect", "--pipe", "--service-type=exec", "--unit=\(name)", "--slice=keystone",
            "--description=\(description)", "--working-directory=\(workingFolder)",
        ]
        var properties = [
            "KillMode=control-group", "TimeoutStopSec=\(Self.stopSeconds)s", "UMask=0077",
            // A stop sends SIGTERM to all of the group at once, QEMU too, which would end the guest where it stands; so the
            // monitor is asked first, and waited for.
            "ExecStop=-\(Self.quoted(program)) agent \(MonitorProcess.endVerb) $MAINPID",
        ]
        if let memory = limits.memoryMebibytes { properties.append("MemoryMax=\(memory)M") }
        if let processors = limits.processorPercent { properties.append("CPUQuota=\(processors)%") }
        for property in properties { words += ["-p", property] }
        // The manager would give its own environment, into which a desktop may have put anything.
        words += ["--", environmentProgram, "-i"]
        return words + (environment + command).map(Self.unexpanded)
    }

    /// systemd replaces `$NAME` in a command line, and `$$` by `$` (systemd.service(5), "Command lines").
    static func unexpanded(_ word: String) -> String {
        word.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
    }

    /// A word of a command line that systemd splits.
    private static func quoted(_ word: String) -> String {
        var result = "\""
        for character in unexpanded(word) {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }
}
