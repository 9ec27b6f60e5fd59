import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Where secrets are, of all places where they could be: on the host in their sources, in the guest in the memory folder and
    /// in sessions, and after they were taken away or the sandbox stopped nowhere.
    @Suite(.enabled(if: getuid() == 0)) struct Canaries {
        /// Text that is nowhere else on this machine.
        private static func canary(_ what: String) -> String {
            "\(what)-\(UUID().uuidString)-\(UUID().uuidString)"
        }

        private struct Secrets {
            let variable = Canaries.canary("variable")
            let file = Canaries.canary("file")
            let command = Canaries.canary("command")
            let flag = Canaries.canary("flag")
            let dotenv = Canaries.canary("dotenv")
            var tokens: [[UInt8]] { [variable, file, command].map { Array($0.utf8) } }
            var variables: [[UInt8]] { [flag, dotenv].map { Array($0.utf8) } }
        }

        private func expectOnHost(
            _ needles: [[UInt8]], in expected: Set<String>, at location: SourceLocation = #_sourceLocation
        ) throws {
            let found = try findOnHost(needles)
            let shown = found.map { $0.hasPrefix("/proc/") ? "\($0) \(Self.name(ofProcess: $0))" : $0 }
            #expect(found == expected, "\(shown.sorted())", sourceLocation: location)
        }

        private static func name(ofProcess path: String) -> String {
            pid_t(path.split(separator: "/").dropFirst().first ?? "").map { String(Traces.commandLine($0).prefix(150)) }
                ?? ""
        }

        /// Everything below the room (state directory with image and kernels, homes, projects), and what crashes leave.
        private func findOnHost(_ needles: [[UInt8]]) throws -> Set<String> {
            HostSearch.find(needles, below: [try Room.shared().folder] + HostSearch.coreFolders)
        }

        @Test func secretsAreInTheirSourcesAndInTheGuestsMemoryAndNowhereElse() throws {
            let secrets = Secrets()
            var given = try TokenSandbox("canary", settings: ", \"envFiles\": [\".env\"]")
            try given.setSources(variable: secrets.variable, file: Array(secrets.file.utf8), command: secrets.command)
            try given.project.write(".env", Array("FROM_DOTENV='\(secrets.dotenv)'\n".utf8))
            given.keystone.environment["FROM_FLAG"] = secrets.flag
            let started = try given.start(["--env", "FROM_FLAG"])
            defer { started.remove() }
            // From here on nobody has them in their own environment, which is one of the sources.
            for name in ["ANTHROPIC_API_KEY", "FROM_FLAG"] { given.keystone.environment[name] = nil }
            let sandbox = TestSandbox(name: started.name, project: started.project, keystone: given.keystone)
            #expect(
                try sandbox.shell("printf '%s|%s' \"$FROM_FLAG\" \"$FROM_DOTENV\"").text
                    == "\(secrets.flag)|\(secrets.dotenv)")
            // The boot's two, as the guest's root reads them.
            let credential = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/keystone.boot/raw"
            let boot = try sandbox.exec(["cat", credential], options: ["-u", "root"]).lines.dropFirst().compactMap {
                $0.split(separator: " ").last.map(String.init)
            }
            #expect(boot.count == 2 && boot.allSatisfy { $0.utf8.count == 64 }, "\(boot.count)")
            let bootForms = boot.map { Array($0.utf8) } + boot.compactMap(Self.bytes)

            let session = try sandbox.begin(["sh", "-c", "echo up; read -r x"], options: ["-i"], input: .open)
            try session.wait(forOutput: "up")
            try provesItself(sandbox)
            let sources = [given.fileSource, given.commandSource]
            let everything = secrets.tokens + secrets.variables + bootForms
            try expectOnHost(everything, in: Set(sources + [given.project.path(".env")]))

            let inGuest = try GuestSearch.find(everything, in: sandbox)
            let (environments, files) = (
                inGuest.filter { $0.path.hasSuffix("/environ") }, inGuest.filter { !$0.path.hasSuffix("/environ") }
            )
            #expect(
                Set(files.map { "\($0.needle) \($0.path)" }) == [
                    "0 \(TokenSandbox.folder)/ANTHROPIC_API_KEY", "1 \(TokenSandbox.folder)/FILE_KEY",
                    "2 \(TokenSandbox.folder)/COMMAND_KEY", "4 /workspace/.env",
                ], "\(files)")
            // Tokens in the session of the user alone; variables also in the one that searches.
            #expect(environments.filter { $0.needle < 3 }.count == 3, "\(environments)")
            #expect(Set(environments.filter { $0.needle < 3 }.map(\.path)).count == 1, "\(environments)")
            #expect(Set(environments.filter { $0.needle >= 3 }.map(\.needle)) == [3, 4], "\(environments)")
            #expect(Set(environments.map(\.path)).count == 2, "\(environments)")

            // Given again to a new agent they are where they were.
            session.write("end\n")
            #expect(try session.finish().code == 0)
            #expect(try given.tokens("rotate").code == 0)
            #expect(
                try GuestSearch.find(secrets.tokens, in: sandbox).map(\.path).allSatisfy {
                    $0.hasPrefix(TokenSandbox.folder)
                })
            #expect(try given.tokens("revoke", "--all").code == 0)
            #expect(try GuestSearch.find(secrets.tokens, in: sandbox).isEmpty)
            try expectOnHost(secrets.tokens + bootForms, in: Set(sources))

            try sandbox.keystone.mustSucceed(["stop", sandbox.name])
            try expectOnHost(everything, in: Set(sources + [given.project.path(".env")]))
        }

        /// A search that finds nothing proves nothing unless it finds what was planted.
        private func provesItself(_ sandbox: TestSandbox) throws {
            let control = Array(Self.canary("control").utf8)
            let folder = try Room.shared().makeFolder("planted")
            defer { try? HostProgram.run(["rm", "-rf", folder]) }
            var data = [UInt8](repeating: 0, count: (1 << 20) - 10)
            data += control + [0, 1, 2]
            try Data(data).write(to: URL(fileURLWithPath: folder + "/file"))
            let text = String(decoding: control, as: UTF8.self)
            let planted = try Running(
                SpawnRequest(
                    path: "/bin/sh", arguments: ["-c", "echo up; read -r x", text], environment: ["PLANTED=\(text)"],
                    descriptors: []),
                input: .open)
            try planted.wait(forOutput: "up")
            #expect(
                try findOnHost([control]) == [
                    folder + "/file", "/proc/\(planted.processID)/cmdline", "/proc/\(planted.processID)/environ",
                ])
            planted.closeInput()
            _ = try planted.finish()

            #expect(
                try sandbox.exec(
                    ["sh", "-c", "cat > /root/planted"], options: ["-i", "-u", "root"], input: .bytes(data)
                ).code == 0)
            let script = """
                text=$(tail -c +\(data.count - control.count - 2) /root/planted | tr -d '\\000-\\002')
                exec env PLANTED="$text" sh -c 'echo up; read -r x' "$text"
                """
            let session = try sandbox.begin(
                ["sh", "-c", script], options: ["-i", "-u", "root", "--no-tokens"], input: .open)
            try session.wait(forOutput: "up")
            let found = try GuestSearch.find([control], in: sandbox).map(\.path)
            #expect(found.contains("/root/planted") && found.count == 3, "\(found)")
            #expect(
                found.contains { $0.hasSuffix("/cmdline") } && found.contains { $0.hasSuffix("/environ") }, "\(found)")
            session.closeInput()
            _ = try session.finish()
            #expect(try sandbox.exec(["rm", "/root/planted"], options: ["-u", "root"]).code == 0)
        }

        private static func bytes(hexadecimal text: String) -> [UInt8]? {
            let digits = text.compactMap(\.hexDigitValue)
            guard digits.count == 64 else { return nil }
            return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }

        /// Where the host keeps cores as files in the working folder, a crash of something else leaves one.
        private func provesThatCoresAreWritten(_ limit: rlim_t) throws {
            let pattern = (try? String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)) ?? ""
            guard limit > 1 << 20, pattern == "core\n" else { return }
            let folder = try Room.shared().makeFolder("crashed")
            var request = SpawnRequest(
                path: "/bin/sh", arguments: ["-c", "kill -SEGV $$"], environment: [], descriptors: [])
            request.directory = folder
            _ = try Running(request).finish()
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.contains { $0.hasPrefix("core") }, "\(left)")
            try HostProgram.run(["rm", "-rf", folder])
        }

        /// Whoever crashes leaves no core file, though the person allows them: not the monitor, which has the tokens, not
        /// QEMU, which has the guest's memory, and not the agent in the guest.
        @Test func crashesLeaveNoCoreFile() throws {
            var limit = rlimit()
            #expect(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0)
            let before = limit
            limit.rlim_cur = limit.rlim_max
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0)
            defer {
                var before = before
                setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &before)
            }
            try provesThatCoresAreWritten(limit.rlim_max)
            var given = try TokenSandbox("core")
            let secret = Self.canary("core")
            try given.setSources(variable: secret, file: [65], command: "b")
            let sandbox = try given.start()
            defer { sandbox.remove() }
            for process in try sandbox.processes().all {
                let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
                let line = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") } ?? ""
                #expect(
                    line.split(separator: " ").dropFirst(4).prefix(2).allSatisfy { $0 == "1" || $0 == "0" }, "\(line)")
            }
            let dumpable = try sandbox.exec(
                [
                    "sh", "-c",
                    "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */keystone-guest-agent) kill -SEGV ${p#/proc/};; esac; done; sleep 100",
                ],
                options: ["-u", "root"], within: 30)
            #expect(dumpable.code == 125, "\(dumpable)")
            #expect(
                try FileWatch.wait(in: sandbox.stateFolder, within: 30) {
                    (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)
                        .contains("agent.returned")) ?? false
                })
            let cores = try sandbox.exec(
                ["sh", "-c", "find / -xdev -name 'core*' -type f -size +100k"], options: ["-u", "root"])
            #expect(cores.code == 0 && cores.output.isEmpty, "\(cores)")
            let processes = try sandbox.processes()
            let witnesses = Witnesses(processes.all)
            #expect(kill(processes.monitor, SIGSEGV) == 0)
            #expect(witnesses.waitForEnd(within: 30).isEmpty)
            let left = try FileManager.default.contentsOfDirectory(atPath: sandbox.stateFolder)
            #expect(!left.contains { $0.hasPrefix("core") }, "\(left)")
            try expectOnHost([Array(secret.utf8)], in: [])
        }
    }
}
