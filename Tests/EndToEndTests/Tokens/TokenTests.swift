import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Tokens of the host in a guest: given, shown, rotated, revoked.
    @Suite(.enabled(if: getuid() == 0)) struct Tokens {
        private static let show =
            "printf '%s|%s|%s' \"${ANTHROPIC_API_KEY-none}\" \"${FILE_KEY-none}\" \"${COMMAND_KEY-none}\""

        @Test func theyAreFilesAndVariablesOfTheUserAndFollowTheirSources() throws {
            var given = try TokenSandbox("tokens")
            try given.setSources(
                variable: "variable-1-abcdefgh", file: Array("file-1\nsecond".utf8), command: "command-1")
            let sandbox = try given.start()
            defer { sandbox.remove() }
            #expect(try sandbox.shell(Self.show).text == "variable-1-abcdefgh|file-1\nsecond|command-1")
            let look = try sandbox.shell(
                "cd \(TokenSandbox.folder); stat -c '%a %u %g %n' * .; cat FILE_KEY; stat -f -c %T .; cat /proc/swaps | wc -l"
            )
            #expect(
                look.text
                    == "400 54321 54322 ANTHROPIC_API_KEY\n400 54321 54322 COMMAND_KEY\n400 54321 54322 FILE_KEY\n"
                    + "750 0 54322 .\nfile-1\nsecondtmpfs\n1\n", "\(look)")

            // Nobody else has them, and who wants none gets none.
            #expect(try sandbox.exec(["sh", "-c", Self.show], options: ["-u", "root"]).text == "none|none|none")
            #expect(try sandbox.exec(["sh", "-c", Self.show], options: ["--no-tokens"]).text == "none|none|none")
            let nobody = try sandbox.exec(["cat", TokenSandbox.folder + "/FILE_KEY"], options: ["-u", "nobody"])
            #expect(nobody.code != 0 && nobody.output.isEmpty, "\(nobody)")
            let own = try sandbox.exec(["sh", "-c", Self.show], options: ["-e", "COMMAND_KEY=own"])
            #expect(own.text.hasSuffix("|own"), "\(own)")

            let list = try given.tokens("list")
            #expect(list.code == 0 && list.text.contains("****efgh") && list.text.contains("command cat"), "\(list)")
            #expect(!list.text.contains("variable-1") && !list.text.contains("for-command"), "\(list)")
            let json = try given.tokens("list", "--json", sandbox.name)
            #expect(json.text.contains("\"masked\" : \"****efgh\"") && !json.text.contains("abcdefgh"), "\(json)")
            let status = try sandbox.keystone.mustSucceed(["status", sandbox.name])
            #expect(status.text.contains("ANTHROPIC_API_KEY, COMMAND_KEY, FILE_KEY"), "\(status)")

            try rotate(&given, sandbox)
            try setAndRevoke(given, sandbox)
            try comeBack(given, sandbox)
            try startWithout(given, sandbox)
        }

        private func rotate(_ given: inout TokenSandbox, _ sandbox: TestSandbox) throws {
            let old = try sandbox.begin(
                ["sh", "-c", "echo up; read -r x; \(Self.show); cat \(TokenSandbox.folder)/FILE_KEY"], options: ["-i"],
                input: .open)
            try old.wait(forOutput: "up")
            try given.setSources(variable: "variable-2", file: [1, 0, 255], command: "command-2")
            let rotated = try given.tokens("rotate")
            #expect(rotated.code == 0 && rotated.errorText.contains("FILE_KEY is a file only"), "\(rotated)")
            #expect(try sandbox.shell(Self.show).text == "variable-2|none|command-2")
            old.write("go\n")
            // A command that runs keeps its environment; the file is the new one.
            let text = try old.finish().output
            #expect(text == Array("up\nvariable-1-abcdefgh|file-1\nsecond|command-1".utf8) + [1, 0, 255])
            let list = try given.tokens("list")
            #expect(list.lines.first { $0.hasPrefix("FILE_KEY") }?.contains("file") == true, "\(list)")
            #expect(list.lines.first { $0.hasPrefix("FILE_KEY") }?.contains("variable") == false, "\(list)")
            // What is not set here stays as it is; one that is named must have a source.
            given.keystone.environment["ANTHROPIC_API_KEY"] = nil
            let kept = try given.tokens("rotate")
            #expect(kept.code == 0 && kept.errorText.contains("ANTHROPIC_API_KEY is not set here"), "\(kept)")
            #expect(try given.tokens("rotate", "ANTHROPIC_API_KEY").code == 2)
            #expect(try given.tokens("rotate", "UNHEARD_OF").code == 2)
            #expect(try sandbox.shell(Self.show).text == "variable-2|none|command-2")
        }

        private func setAndRevoke(_ given: TokenSandbox, _ sandbox: TestSandbox) throws {
            let set = try given.tokens("set", "MY_TOKEN", input: .bytes(Array("by hand\n".utf8)))
            #expect(set.code == 0 && !set.errorText.contains("by hand"), "\(set)")
            #expect(
                try sandbox.shell("printf %s \"$MY_TOKEN\"; cat \(TokenSandbox.folder)/MY_TOKEN").text
                    == "by handby hand")
            #expect(try given.tokens("set", "EMPTY", input: .bytes([10])).code == 2)
            let large = [UInt8](repeating: 66, count: 65_536)
            #expect(try given.tokens("set", "LARGE", input: .bytes(large)).code == 0)
            #expect(
                try sandbox.shell("printf %s \"$LARGE\" | wc -c; wc -c < \(TokenSandbox.folder)/LARGE").lines == [
                    "65536", "65536",
                ])
            #expect(try given.tokens("set", "LARGE", input: .bytes(large + [66])).code == 2)
            let several = try given.tokens("revoke", "MY_TOKEN", "LARGE", "--sandbox", sandbox.name)
            #expect(several.code == 0, "\(several)")
            #expect(
                try sandbox.shell("echo ${MY_TOKEN-none}; ls \(TokenSandbox.folder)").lines == [
                    "none", "ANTHROPIC_API_KEY", "COMMAND_KEY", "FILE_KEY",
                ])
            #expect(try given.tokens("revoke", "MY_TOKEN").code == 2)
            // What was revoked does not come back by itself.
            #expect(try given.tokens("revoke", "COMMAND_KEY").code == 0)
            try sandbox.keystone.mustSucceed(["provision", sandbox.name])
            #expect(try given.tokens("rotate").code == 0)
            #expect(try sandbox.shell(Self.show).text == "variable-2|none|none")
            #expect(try given.tokens("rotate", "COMMAND_KEY").code == 0)
            #expect(try sandbox.shell(Self.show).text == "variable-2|none|command-2")
        }

        /// The agent forgets them with its life; the monitor gives them again before anybody is let in.
        private func comeBack(_ given: TokenSandbox, _ sandbox: TestSandbox) throws {
            _ = try sandbox.exec(["sh", "-c", TokenSandbox.killing], options: ["-u", "root"], within: 30)
            let back = try FileWatch.wait(in: sandbox.stateFolder, within: 30) {
                (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)
                    .contains("agent.returned")) ?? false
            }
            #expect(back, "the agent did not come back")
            #expect(try sandbox.shell(Self.show).text == "variable-2|none|command-2")
        }

        private func startWithout(_ given: TokenSandbox, _ sandbox: TestSandbox) throws {
            try sandbox.keystone.mustSucceed(
                ["restart", sandbox.name, "--no-tokens"], within: TestSandbox.startSeconds)
            #expect(try sandbox.shell("\(Self.show); ls /run/keystone 2>/dev/null").text == "none|none|none")
            let list = try given.tokens("list")
            #expect(list.code == 0 && list.errorText.contains("no token"), "\(list)")
            #expect(try given.tokens("rotate", "COMMAND_KEY").code == 0)
            #expect(try sandbox.shell(Self.show).text == "none|none|command-2")
            #expect(try given.tokens("revoke", "--all").code == 0)
            #expect(try sandbox.shell("\(Self.show); ls \(TokenSandbox.folder)").text == "none|none|none")
        }

        @Test func anOrdinaryUserGivesTheirOwn() throws {
            let project = try Project("token-user", owner: TokenSandbox.user)
            var keystone = try Keystone(of: TokenSandbox.user, home: "home-token-user", in: project.folder)
            keystone.environment["GEMINI_API_KEY"] = "mine"
            let owned = keystone
            try TestSandbox.with("token-user", keystone: owned, project: project) { (sandbox) throws in
                let script = "cat \(TokenSandbox.folder)/GEMINI_API_KEY; echo \" $GEMINI_API_KEY\"; id -u"
                #expect(try sandbox.shell(script).lines == ["mine mine", "54321"])
                #expect(try sandbox.keystone.agent("tokens", "revoke", "--all").code == 0)
                #expect(try sandbox.shell("ls \(TokenSandbox.folder); echo ${GEMINI_API_KEY-none}").lines == ["none"])
            }
        }

        @Test func aSourceThatFailsStopsTheStart() throws {
            let given = try TokenSandbox("token-failure")
            let finished = try given.keystone.agent(TestSandbox.startWords(given.name))
            #expect(finished.code == 2 && finished.isOneClearSentence, "\(finished)")
            #expect(try given.keystone.agent("status", given.name).code == 3)
        }

        @Test func aTokenIsTypedUnseen() throws {
            var given = try TokenSandbox("token-typed", owner: nil)
            try given.setSources(variable: nil, file: [65], command: "b")
            let sandbox = try given.start(["--no-tokens"])
            defer { sandbox.remove() }
            let terminal = try TestTerminal()
            let modes = try terminal.modes()
            let typing = try given.keystone.begin(["tokens", "set", "TYPED"], on: terminal)
            try terminal.wait(for: "not shown")
            try terminal.type("unseen-canary\r")
            #expect(try terminal.finish(typing) == 0)
            #expect(!terminal.text.contains("unseen"), "\(terminal.text)")
            #expect(try terminal.modes() == modes)
            #expect(try sandbox.shell("printf %s \"$TYPED\"").text == "unseen-canary")
            terminal.forget()
            let cancelled = try given.keystone.begin(["tokens", "set", "TYPED"], on: terminal)
            try terminal.wait(for: "not shown")
            try terminal.type("half\u{03}")
            #expect(try terminal.finish(cancelled) == 130)
            #expect(try terminal.modes() == modes)
            #expect(try sandbox.shell("printf %s \"$TYPED\"").text == "unseen-canary")
        }
    }
}
