import AgentProtocol
import Glibc
import LinuxSystem
import SandboxController

/// A secret that somebody types, unseen, or pipes in.
enum SecretInput {
    /// Bytes of one line that a terminal passes on (N_TTY_BUF_SIZE of the Linux kernel, with the line feed).
    private static let lineLimit = 4096

    static func token(named name: String, _ invocation: Invocation) throws(ControllerError) -> TokenSet {
        CoreDumps.forbidForAll()
        var bytes: [UInt8]
        if StandardStream.isTerminal(STDIN_FILENO) {
            guard !invocation.globals.noInput else {
                throw ControllerError(
                    .usage, "--no-input forbids to ask for the value.", advice: "Pipe it in, or leave --no-input out.")
            }
            bytes = try typed(prompt: "Value of \(name) (not shown): ")
        } else {
            do throws(SystemError) {
                let input = FileDescriptor(owning: STDIN_FILENO)
                let read = Result { () throws(SystemError) in try input.readAll(limit: TokenValue.sizeLimit + 1) }
                _ = input.release()
                bytes = try read.get()
            } catch {
                throw ControllerError(
                    .usage,
                    error.code == EFBIG
                        ? "The value on stdin has more than \(TokenValue.sizeLimit / 1024) KiB."
                        : "The value can't be read from stdin: \(error.reason).")
            }
        }
        defer { SecretMemory.wipe(&bytes) }
        return try TokenSet.given(name, bytes)
    }

    /// One line with echo switched off, which is switched on again however this ends: signals wait meanwhile.
    private static func typed(prompt: String) throws(ControllerError) -> [UInt8] {
        let before: termios
        let signals: SignalDescriptor
        do throws(SystemError) {
            signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP])
            var modes = termios()
            guard tcgetattr(STDIN_FILENO, &modes) == 0 else { throw SystemError("read the terminal's modes") }
            before = modes
            modes.c_lflag &= ~tcflag_t(ECHO)
            modes.c_lflag |= tcflag_t(ECHONL | ICANON | ISIG)
            guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes) == 0 else {
                throw SystemError("switch the terminal's echo off")
            }
        } catch {
            throw ControllerError(.internal, "The value can't be asked for: \(error).")
        }
        defer {
            var modes = before
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes)
        }
        StandardStream.message(prompt)
        var entries = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&entries, 2, -1) < 0 { continue }
        guard entries[1].revents == 0 else {
            StandardStream.message("\n")
            throw ControllerError(.cancelled, "Nothing was given.")
        }
        var line = [UInt8](repeating: 0, count: lineLimit)
        defer { SecretMemory.wipe(&line) }
        let count = read(STDIN_FILENO, &line, line.count)
        guard count < lineLimit - 1 || line[count - 1] == UInt8(ascii: "\n") else {
            throw ControllerError(
                .usage, "A terminal passes \(lineLimit - 1) bytes of a line, and this is longer.",
                advice: "Pipe the value in: `keystone agent tokens set NAME < FILE`.")
        }
        return Array(line.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") })
    }
}
