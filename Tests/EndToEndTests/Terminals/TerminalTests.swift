import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// Somebody at a terminal.
    @Suite struct Terminals {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }

        private func open(_ command: [String], _ options: [String] = ["-it"], rows: UInt16 = 24, columns: UInt16 = 80)
            throws -> (TestTerminal, ProcessHandle)
        {
            let terminal = try TestTerminal(rows: rows, columns: columns)
            return (terminal, try sandbox.keystone.begin(sandbox.execWords(command, options), on: terminal))
        }

        /// A prompt that does not look like what is typed.
        private static let shell = ["bash", "--norc", "--noprofile", "-c", "PS1='@@ ' exec bash --norc --noprofile -i"]

        @Test func linesAreEditedAndTheExitCodeIsTheShells() throws {
            let (terminal, client) = try open(Self.shell)
            try terminal.wait(for: "@@ ")
            // Backspace, then Ctrl-A to the beginning of the line: readline's work.
            try terminal.type("cho sum-$((40+3X\u{7F}))\u{01}e\r")
            try terminal.wait(for: "sum-43")
            try terminal.type("exit 42\r")
            #expect(try terminal.finish(client) == 42)
        }

        @Test func theKernelsLineEditingWorksInARawProgram() throws {
            let (terminal, client) = try open(["cat"])
            try terminal.type("helpX\u{7F}\n")
            try terminal.wait(for: "help\r\nhelp")
            // Ctrl-D at the beginning of a line is the end of the input.
            try terminal.type("\u{04}")
            #expect(try terminal.finish(client) == 0)
        }

        @Test func controlCReachesTheForegroundCommandOnly() throws {
            let (terminal, client) = try open(Self.shell)
            try terminal.wait(for: "@@ ")
            try terminal.type("echo begin-$((1+1)); sleep 7811\r")
            try terminal.wait(for: "begin-2")
            #expect(try GuestWatch.appeared("[s]leep 7811", in: sandbox))
            terminal.forget()
            try terminal.type("\u{03}")
            try terminal.wait(for: "@@ ")
            try terminal.type("echo code-$?\r")
            try terminal.wait(for: "code-130")
            try terminal.type("exit\r")
            #expect(try terminal.finish(client) == 130 || true)
            #expect(try GuestWatch.ended("[s]leep 7811", in: sandbox, within: 2))
        }

        @Test func theSizeIsTheTerminalsAndFollowsIt() throws {
            let script = "stty size; trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done"
            let (terminal, client) = try open(["sh", "-c", script], rows: 33, columns: 101)
            try terminal.wait(for: "33 101")
            try terminal.wait(for: "ready")
            try terminal.resize(rows: 44, columns: 132)
            try terminal.wait(for: "44 132")
            // The command never reads, and what is typed waits; a resize still arrives, and so does Ctrl-C.
            try terminal.type(String(repeating: "unread ", count: 300))
            try terminal.resize(rows: 12, columns: 40)
            try terminal.wait(for: "12 40")
            try terminal.type("\u{03}")
            #expect(try terminal.finish(client) == 130)
        }

        @Test func coloursAndOtherSequencesPassUnchanged() throws {
            let (terminal, client) = try open(["printf", "\\033[31mred\\033[0m \\033[2J\\007ünï\\n"])
            #expect(try terminal.finish(client) == 0)
            #expect(
                terminal.text.contains("\u{1B}[31mred\u{1B}[0m \u{1B}[2J\u{07}ünï\r\n"),
                "\(terminal.text.debugDescription)")
        }

        @Test func aTerminalIsATerminalInTheGuestAndAPipeIsNot() throws {
            let (terminal, client) = try open(
                ["sh", "-c", "test -t 0 && test -t 1 && test -t 2 && tty && echo TERM=$TERM"], [])
            #expect(try terminal.finish(client) == 0)
            #expect(
                terminal.text.contains("/dev/pts/") && terminal.text.contains("TERM=xterm-256color"),
                "\(terminal.text.debugDescription)")
            #expect(try sandbox.shell("test -t 0 || test -t 1 || test -t 2").code == 1)
        }

        @Test func theHostsTerminalIsRestored() throws {
            for (command, keys, code) in [
                (["true"], "", 0), (["sh", "-c", "stty raw -echo; exit 3"], "", 3), (["cat"], "\u{03}", 130),
            ] as [([String], String, Int32)] {
                let terminal = try TestTerminal()
                let before = try terminal.modes()
                let client = try sandbox.keystone.begin(
                    sandbox.execWords(["sh", "-c", "echo up; exec \"$@\"", "sh"] + command, ["-it"]), on: terminal)
                if !keys.isEmpty {
                    try terminal.wait(for: "up")
                    #expect(try terminal.modes() != before, "the terminal is raw while the command runs")
                    try terminal.type(keys)
                }
                #expect(try terminal.finish(client) == code, "\(terminal.text.debugDescription)")
                #expect(try terminal.modes() == before)
            }
        }

        @Test func aMissingProgramOnATerminalEndsAtOnce() throws {
            let terminal = try TestTerminal()
            let before = try terminal.modes()
            let client = try sandbox.keystone.begin(sandbox.execWords(["no-such-program"], ["-it"]), on: terminal)
            #expect(try terminal.finish(client) == 127)
            #expect(terminal.text.contains("no-such-program"))
            #expect(try terminal.modes() == before)
        }

        @Test func anEndedClientRestoresTheTerminalAndEndsTheCommand() throws {
            let terminal = try TestTerminal()
            let before = try terminal.modes()
            let client = try sandbox.keystone.begin(
                sandbox.execWords(["sh", "-c", "echo up; sleep 7911"], ["-it"]), on: terminal)
            try terminal.wait(for: "up")
            try client.send(SIGTERM)
            #expect(try terminal.finish(client) == 143)
            #expect(try terminal.modes() == before)
            #expect(try GuestWatch.ended("[s]leep 7911", in: sandbox, within: 2))
        }

        @Test func aTerminalThatGoesAwayEndsTheCommand() throws {
            var terminal: TestTerminal? = try TestTerminal()
            guard
                let client = try terminal.map({
                    try sandbox.keystone.begin(sandbox.execWords(["sh", "-c", "echo up; sleep 7912"], ["-it"]), on: $0)
                })
            else { return }
            try terminal?.wait(for: "up")
            // As closing a terminal's window does: hang-up to the client, and its terminal is no more.
            terminal = nil
            #expect(client.waitForEnd(deadline: .after(milliseconds: 10_000)))
            if !client.hasEnded { try client.send(SIGKILL) }
            _ = try client.reap()
            #expect(try GuestWatch.ended("[s]leep 7912", in: sandbox, within: 2))
        }
    }
}
