import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// What a command in the guest says, and what it is told.
    @Suite struct ExecBasics {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }
        /// For the same cases elsewhere.
        init(_ sandbox: TestSandbox) { self.sandbox = sandbox }

        @Test func printsWhatTheGuestPrints() throws {
            let name = try sandbox.exec("uname", "-n")
            #expect(name.line == sandbox.name, "\(name)")
            #expect(name.errors.isEmpty)
            #expect(try sandbox.exec("uname", "-s").line == "Linux")
            let host = try HostProgram.run(["uname", "-r"]).line
            #expect(try sandbox.exec("cat", "/proc/version").text.contains("Linux version"))
            #expect(
                try sandbox.exec("cat", "/proc/sys/kernel/random/boot_id").line
                    != HostProgram.run(["cat", "/proc/sys/kernel/random/boot_id"]).line,
                "the guest is the host (\(host))")
        }

        /// Also those that the kernel left switched off while it booted.
        @Test func commandsHaveEveryProcessor() throws {
            let finished = try sandbox.shell("nproc; cat /sys/devices/system/cpu/online")
            #expect(finished.lines == ["2", "0-1"], "\(finished)")
        }

        @Test func standardOutputAndErrorStayApart() throws {
            let finished = try sandbox.shell("echo out; echo err >&2; printf 'no line end'")
            #expect(finished.text == "out\nno line end")
            #expect(finished.errorText == "err\n")
            #expect(finished.code == 0)
        }

        @Test func argumentsArriveAsTheyAre() throws {
            let words = ["two words", "", "new\nline", "tab\t", "'\"$HOME`id`*", "ünïcödé ✓", "--", "-n", "\\"]
            let finished = try sandbox.exec(["printf", "%s\\0"] + words)
            #expect(
                finished.output.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
                    String(decoding: $0, as: UTF8.self)
                } == words)
        }

        @Test func argumentsNeedNotBeUTF8() throws {
            let bytes: [UInt8] = [0xFF, 0xFE, 0x41, 0x80]
            let running = try sandbox.keystone.begin(sandbox.execWords(["printf", "%s"], []), rawArguments: [bytes])
            #expect(try running.finish().output == bytes)
        }

        @Test func argumentsAsLongAsLinuxTakesThemArrive() throws {
            // MAX_ARG_STRLEN is 128 KiB with the NUL; ten of them stay under the 2 MiB of all.
            let long = String(repeating: "x", count: 131_071)
            let finished = try sandbox.exec(
                ["sh", "-c", "echo $# ${#1} ${#10}", "sh"] + Array(repeating: long, count: 10))
            #expect(finished.line == "10 131071 131071", "\(finished)")
        }

        @Test func environmentAndFolderAreSet() throws {
            let options = ["-e", "GREETING=hello world", "--env", "EMPTY=", "-w", "/proc/sys"]
            let finished = try sandbox.exec(["sh", "-c", "echo \"$GREETING|${EMPTY-unset}|$PWD\""], options: options)
            #expect(finished.line == "hello world||/proc/sys", "\(finished)")
        }

        @Test func aFolderThatIsNotThereIsTold() throws {
            let finished = try sandbox.exec(["true"], options: ["-w", "/no/such/folder"])
            #expect(finished.code == 125)
            #expect(finished.isOneClearSentence && finished.errorText.contains("/no/such/folder"), "\(finished)")
        }

        @Test func commandsBeginInTheWorkspaceWithAHomeAndAPath() throws {
            let finished = try sandbox.shell("pwd; echo ${HOME:?}; echo ${PATH:?}; test -d \"$HOME\" && echo there")
            #expect(finished.lines.first == "/workspace" && finished.lines.last == "there", "\(finished)")
        }

        @Test func anotherUserHasNeitherRootsGroupsNorCapabilities() throws {
            let script = "id -u; id -G; grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status; echo \"home $HOME\""
            let finished = try sandbox.exec(["sh", "-c", script], options: ["-u", "nobody"])
            #expect(finished.code == 0, "\(finished)")
            #expect(finished.lines.first != "0")
            #expect(!(finished.lines.dropFirst().first ?? "0").split(separator: " ").contains("0"), "\(finished)")
            for line in finished.lines where line.hasPrefix("Cap") {
                #expect(line.hasSuffix("0000000000000000"), "\(line)")
            }
            #expect(finished.lines.last != "home " && finished.lines.last != "home /root")
            let unknown = try sandbox.exec(["true"], options: ["-u", "nosuchuser"])
            #expect(
                unknown.code == 125 && unknown.isOneClearSentence && unknown.errorText.contains("nosuchuser"),
                "\(unknown)")
        }

        @Test func commandsInheritNothingOfTheAgent() throws {
            // Descriptors 0, 1, 2 and the one that lists them.
            let finished = try sandbox.exec("ls", "/proc/self/fd")
            #expect(finished.lines == ["0", "1", "2", "3"], "\(finished)")
        }

        @Test func withoutATerminalStandardInputIsEmpty() throws {
            let running = try sandbox.begin(["cat"], input: .open)
            let finished = try running.finish()
            #expect(finished.code == 0 && finished.output.isEmpty, "\(finished)")
        }

        @Test func theSandboxOfTheProjectOneStandsInIsMeant() throws {
            var keystone = sandbox.keystone
            keystone.folder = sandbox.project.folder
            let finished = try keystone.agent("exec", "--", "uname", "-n")
            #expect(finished.line == sandbox.name, "\(finished)")
        }
    }
}
