import AgentProtocol
import LinuxSystem

/// The environment of a command: what its user starts with, what provisioning gave, then the request's own
/// entries.
enum CommandEnvironment {
    static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// - Parameters:
    ///   - systemPath: PATH of this guest; see `GuestSystem`.
    ///   - defaults: entries that win over the user's and lose to the request's.
    /// - Returns: the PATH that the command gets.
    /// - Throws: `malformed` for an entry that is not `NAME=value`.
    static func build(
        for user: CommandUser, request: ExecRequest, systemPath: CommandUser.BaseEntry, defaults: [[UInt8]],
        into list: inout CStringList
    ) throws(Refusal) -> [UInt8] {
        var path: [UInt8]?
        let entries = EnvironmentLayers.merge(defaults, request.environment)
        for entry in entries {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
                throw Refusal(.malformed, "An environment entry of the request is not of the form NAME=value.")
            }
            if entry.starts(with: "PATH=".utf8) { path = Array(entry.dropFirst(5)) }
        }
        if path == nil { list.append(systemPath.entry) }
        append(user.baseEnvironment, but: entries, to: &list)
        if request.terminal != nil { append(terminalEntries, but: entries, to: &list) }
        for entry in entries { list.append(entry) }
        return path ?? Array(systemPath.entry.dropFirst(5))
    }

    private static let terminalEntries = [
        CommandUser.BaseEntry("TERM", "xterm-256color"), CommandUser.BaseEntry("LANG", "C.UTF-8"),
    ]

    private static func append(_ base: [CommandUser.BaseEntry], but overrides: [[UInt8]], to list: inout CStringList) {
        for item in base where !overrides.contains(where: { isEntry($0, of: item.name) }) { list.append(item.entry) }
    }

    private static func isEntry(_ entry: [UInt8], of name: [UInt8]) -> Bool {
        entry.count > name.count && entry[name.count] == UInt8(ascii: "=") && entry.starts(with: name)
    }
}
