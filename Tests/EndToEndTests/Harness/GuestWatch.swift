/// Looks for processes in a guest by command line. A guest tells nobody when a process of its ends, so a command there
/// looks every 50 ms, as often as the time allows, and the host waits for that command.
enum GuestWatch {
    /// Prints the arguments of all processes. busybox has no `pgrep`; it must fail when it sees nothing at all.
    private static let look = "all=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '); [ -n \"$all\" ] || exit 9"

    /// Whether nothing matches any more within `seconds`.
    /// - Parameter pattern: for grep; `[s]leep 7`, so that it does not match itself.
    static func ended(_ pattern: String, in sandbox: TestSandbox, within seconds: Double) throws -> Bool {
        try wait("if", pattern, sandbox, seconds)
    }

    /// Whether something matches within `seconds`.
    static func appeared(_ pattern: String, in sandbox: TestSandbox, within seconds: Double = 20) throws -> Bool {
        try wait("if !", pattern, sandbox, seconds)
    }

    private static func wait(_ whileTrue: String, _ pattern: String, _ sandbox: TestSandbox, _ seconds: Double) throws
        -> Bool
    {
        let script = """
            i=0; while [ $i -lt \(Int(seconds * 20)) ]; do
                \(look); \(whileTrue) echo "$all" | grep -q '\(pattern)'; then sleep 0.05; else exit 0; fi; i=$((i+1))
            done; exit 1
            """
        let finished = try sandbox.shell(script, within: seconds + 60)
        guard finished.code == 0 || finished.code == 1 else {
            throw Complaint("Looking at the guest's processes failed: \(finished)")
        }
        return finished.code == 0
    }
}
