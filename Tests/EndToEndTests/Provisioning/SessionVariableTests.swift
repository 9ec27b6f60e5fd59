import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Variables of `--env` and `--env-file`: in every session, and nowhere on the host.
    @Suite struct SessionVariables {
        private static let show = "printf '%s|%s|%s\\n' \"$CANARY\" \"$FROM_FILE\" \"$PLAIN\""

        /// Kills every agent there is, and PID 1, which watches over it and which the kernel protects.
        private static let killing = """
            kill -9 1; for p in /proc/[0-9]*; do
                case $(readlink $p/exe) in */keystone-guest-agent) kill -9 ${p#/proc/};; esac
            done; sleep 100
            """

        /// Where on the host these bytes are, of all that belongs to the sandbox.
        private func places(of text: String, _ sandbox: TestSandbox) throws -> [String] {
            let root = sandbox.directory.root
            let folder = sandbox.directory.sandboxFolder(sandbox.name)
            var candidates = (FileManager.default.subpaths(atPath: folder) ?? []).map { folder + "/" + $0 }
            candidates += [sandbox.directory.registryFile, root + "/sandboxes.lock"]
            for process in try sandbox.processes().all {
                candidates += ["/proc/\(process)/cmdline", "/proc/\(process)/environ"]
            }
            return candidates.filter { path in
                // A socket can't be read, and a log that vanished holds nothing.
                FileManager.default.contents(atPath: path)?.range(of: Data(text.utf8)) != nil
            }
        }

        @Test func theyAreInEverySessionAndInNoFileOfTheHost() throws {
            let canary = "canary-\(UUID().uuidString)"
            let file = try Room.shared().makeFolder("variables") + "/env-file"
            try Data("# secret\n\nFROM_FILE=\(canary) = 'as it stands' #\nPLAIN=file\n".utf8).write(
                to: URL(fileURLWithPath: file))
            let options = ["--env", "CANARY=" + canary, "--env-file", file, "--env", "PLAIN=flag"]
            try TestSandbox.with("variables", options: options) { sandbox in
                let expected = "\(canary)|\(canary) = 'as it stands' #|flag"
                #expect(try sandbox.shell(Self.show).line == expected)
                let own = try sandbox.exec(["sh", "-c", Self.show], options: ["-e", "PLAIN=own"])
                #expect(own.line.hasSuffix("|own"), "\(own)")
                let found = try places(of: canary, sandbox)
                #expect(found.isEmpty, "\(found)")
                let events = try String(
                    contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)
                #expect(events.contains("\"step\":\"environment\""), "\(events)")

                // The agent forgets them with its life; the monitor gives them again before anybody is let in.
                _ = try sandbox.exec(["sh", "-c", Self.killing], within: 30)
                let back = try FileWatch.wait(in: sandbox.stateFolder, within: 30) {
                    (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)
                        .contains("agent.returned")) ?? false
                }
                #expect(back, "the agent did not come back")
                #expect(try sandbox.shell(Self.show).line == expected)
                #expect(try places(of: canary, sandbox).isEmpty)

                // From monitor to monitor, with what is new.
                try sandbox.keystone.mustSucceed(
                    ["restart", sandbox.name, "--env", "PLAIN=new"], within: TestSandbox.startSeconds)
                #expect(try sandbox.shell(Self.show).line == "\(canary)|\(canary) = 'as it stands' #|new")
                #expect(try places(of: canary, sandbox).isEmpty)

                // Written down nowhere, so they are gone once it has stopped.
                try sandbox.keystone.mustSucceed(["stop", sandbox.name])
                try sandbox.keystone.mustSucceed(["restart", sandbox.name], within: TestSandbox.startSeconds)
                #expect(try sandbox.shell(Self.show).line == "||")
            }
        }

        @Test func aWrongFileStopsTheStartBeforeItBegins() throws {
            let project = try Project("wrong-variables")
            let file = try Room.shared().makeFolder("wrong") + "/env-file"
            try Data("A=1\n=canary\n".utf8).write(to: URL(fileURLWithPath: file))
            let keystone = try Keystone(in: project.folder)
            for path in [file, "/nonexistent"] {
                let finished = try keystone.agent(TestSandbox.startWords("wrong-variables", ["--env-file", path]))
                #expect(finished.code == 2 && finished.isOneClearSentence, "\(finished)")
                #expect(!finished.errorText.contains("canary"))
            }
            #expect(try keystone.agent("status", "wrong-variables").code == 3)
        }
    }
}
