import Glibc

/// Short lines for whoever runs the agent: stderr, which is the journal under systemd and the console under our init.
public enum AgentLog {
    /// One `write(2)`, so lines of different threads do not mix. Control characters become `?`.
    public static func say(_ text: String) {
        var line = Array("keystone-guest-agent: ".utf8)
        for byte in text.utf8 { line.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
        line.append(UInt8(ascii: "\n"))
        _ = Glibc.write(2, line, line.count)
    }
}
