import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// The table of exit codes of `exec`.
    @Suite struct ExitCodes {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }
        /// For the same cases elsewhere.
        init(_ sandbox: TestSandbox) { self.sandbox = sandbox }

        @Test(arguments: [0, 1, 7, 124, 125, 126, 127, 130, 255])
        func theCommandsOwnCodeIsPassedOn(code: Int32) throws {
            let finished = try sandbox.shell("exit \(code)")
            #expect(finished.code == code && finished.errors.isEmpty, "\(finished)")
        }

        @Test(arguments: [("TERM", 143), ("KILL", 137), ("SEGV", 139), ("INT", 130), ("HUP", 129)])
        func aSignalIsTold(name: String, code: Int32) throws {
            #expect(try sandbox.shell("kill -\(name) $$").code == code)
        }

        @Test(arguments: ["no-such-program", "/no/such/program", "/etc/no-such", "./nothing-here"])
        func whatIsNotThereIs127(program: String) throws {
            let finished = try sandbox.exec(program)
            #expect(finished.code == 127, "\(finished)")
            #expect(finished.isOneClearSentence && finished.errorText.contains(program), "\(finished)")
        }

        @Test(arguments: ["/etc/passwd", "/etc", "/proc/version"])
        func whatCantBeExecutedIs126(program: String) throws {
            let finished = try sandbox.exec(program)
            #expect(finished.code == 126, "\(finished)")
            #expect(finished.isOneClearSentence && finished.errorText.contains(program), "\(finished)")
        }

        @Test func aMissingInterpreterIsNotTakenForSuccess() throws {
            try sandbox.project.write("script-without-interpreter", Array("#!/no/such/interpreter\n".utf8), mode: 0o755)
            defer { sandbox.project.remove("script-without-interpreter") }
            let finished = try sandbox.exec("/workspace/script-without-interpreter")
            #expect(finished.code == 126 || finished.code == 127, "\(finished)")
            #expect(finished.isOneClearSentence, "\(finished)")
        }

        @Test func aTimeLimitIs124AndEndsEverything() throws {
            let script = "trap '' TERM; (trap '' TERM; sleep 7321) & sleep 7321; wait"
            let finished = try sandbox.exec(["sh", "-c", script], options: ["--timeout", "1"], within: 30)
            #expect(finished.code == 124, "\(finished)")
            #expect(finished.seconds >= 1 && finished.seconds < 15, "\(finished.seconds) s")
            #expect(try GuestWatch.ended("[s]leep 7321", in: sandbox, within: 5))
        }

        @Test func aCommandWithinItsTimeLimitKeepsItsCode() throws {
            #expect(try sandbox.exec(["sh", "-c", "exit 9"], options: ["--timeout", "60"]).code == 9)
        }

        @Test func anUnknownSandboxIs125WithTheNameThatWasMeant() throws {
            let finished = try sandbox.keystone.agent("exec", "sharde", "--", "true")
            #expect(finished.code == 125 && finished.output.isEmpty)
            #expect(
                finished.isOneClearSentence && finished.errorText.contains("sharde")
                    && finished.errorText.contains("shared"), "\(finished)")
            #expect(finished.errorText.split(separator: "\n").count == 1, "exec says it in one line: \(finished)")
        }

        @Test func wrongUsageIs125() throws {
            for words in [
                ["exec"], ["exec", "shared"], ["exec", "shared", "--"], ["exec", "--no-such", "shared", "--", "true"],
            ] {
                let finished = try sandbox.keystone.agent(words)
                #expect(finished.code == 125, "\(words): \(finished)")
                #expect(finished.errorText.hasPrefix("keystone: "), "\(words): \(finished)")
            }
            let forgotten = try sandbox.keystone.agent("exec", "shared", "ls", "-l")
            #expect(
                forgotten.code == 125 && forgotten.errorText.contains("-- ls -l")
                    || forgotten.errorText.contains("-- shared ls -l"), "\(forgotten)")
        }
    }
}
