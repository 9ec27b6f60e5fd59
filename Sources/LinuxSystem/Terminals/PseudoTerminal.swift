import CLinux
import Glibc

/// The two ends of a new pseudo-terminal (pty(7)).
@frozen
public struct PseudoTerminal: ~Copyable, Sendable {
    /// The agent's end, non-blocking.
    public var primary: FileDescriptor
    /// The program's end.
    public var secondary: FileDescriptor

    /// - Parameters:
    ///   - owner: who may open the program's end by its path, for programs such as `tmux` and `gpg` that do.
    ///   - group: `tty` by convention, so that `write(1)` can.
    public init(rows: UInt16, columns: UInt16, owner: UInt32, group: UInt32) throws(SystemError) {
        var raw: Int32 = -1
        var path = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        let name = try withUnsafeMutableBytes(of: &path) { bytes throws(SystemError) -> String in
            let text = bytes.bindMemory(to: CChar.self)
            guard let base = text.baseAddress else { throw SystemError("open a terminal", code: EINVAL) }
            try retryingInterrupts("open a terminal") { ks_open_terminal(&raw, base, bytes.count) }
            return String(cString: base)
        }
        let primary = FileDescriptor(owning: raw)
        let secondary = try FileDescriptor.open(name, O_RDWR | O_NOCTTY)
        try primary.setNonBlocking(true)
        if rows > 0 || columns > 0 { try Terminal.setSize(raw, rows: rows, columns: columns) }
        let end = secondary.rawValue
        // Not fatal: an agent that is not root can't give the terminal away, and then need not.
        _ = fchown(end, owner, group)
        _ = fchmod(end, 0o620)
        Terminal.setUTF8Input(end)
        self.primary = primary
        self.secondary = secondary
    }
}

/// What can be asked of a terminal by either end.
public enum Terminal {
    /// Rows and columns in characters; the foreground process group gets SIGWINCH when they change.
    public static func setSize(_ descriptor: Int32, rows: UInt16, columns: UInt16) throws(SystemError) {
        try retryingInterrupts("set the terminal size") { ks_set_window_size(descriptor, rows, columns, 0, 0) }
    }

    /// The process group that Ctrl-C would reach, or nil when the terminal has none.
    public static func foregroundGroup(_ descriptor: Int32) -> pid_t? {
        let group = tcgetpgrp(descriptor)
        return group > 0 ? group : nil
    }

    /// The byte that means end of file at the start of a line (VEOF), 4 (Ctrl-D) unless changed.
    public static func endOfFileByte(_ descriptor: Int32) -> UInt8 {
        var settings = termios()
        guard tcgetattr(descriptor, &settings) == 0 else { return 4 }
        return withUnsafeBytes(of: settings.c_cc) { $0[Int(VEOF)] }
    }

    /// Bytes that a read would give now, of a terminal, pipe or socket (FIONREAD).
    public static func bytesQueued(_ descriptor: Int32) -> Int {
        var count: Int32 = 0
        return ks_bytes_queued(descriptor, &count) == 0 ? Int(count) : 0
    }

    /// Line editing then erases whole characters, not bytes (IUTF8 of termios(3)).
    static func setUTF8Input(_ descriptor: Int32) {
        var settings = termios()
        guard tcgetattr(descriptor, &settings) == 0 else { return }
        settings.c_iflag |= tcflag_t(IUTF8)
        tcsetattr(descriptor, TCSANOW, &settings)
    }
}
