import Foundation
import Glibc
import Testing

@testable import LinuxSystem

@Suite("Starting programs")
struct SpawnTests {
    /// Runs a shell script and gives what it printed and how it ended.
    private func run(_ script: String, _ change: (inout SpawnRequest) -> Void = { _ in }) throws -> (
        text: String, status: LinuxSystem.ExitStatus
    ) {
        let output = try FileDescriptor.pipe()
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let child: ProcessHandle
        do {
            let write = try output.second.duplicate()
            var request = SpawnRequest(
                path: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"],
                descriptors: [nothing.rawValue, write.rawValue, write.rawValue])
            change(&request)
            child = try ChildProcess.spawn(request)
        }
        let text = try readToEnd(output)
        return (text, try child.reap().status)
    }

    private func readToEnd(_ pipe: consuming DescriptorPair) throws -> String {
        let read = try pipe.first.duplicate()
        drop(pipe)
        return String(decoding: try read.readAll(limit: 1 << 20, deadline: .after(milliseconds: 10_000)), as: UTF8.self)
    }
    private func drop(_ pipe: consuming DescriptorPair) {}

    @Test func argumentsEnvironmentAndExitCodeArriveExactly() throws {
        let outcome = try run("printf '<%s>' \"$@\" \"$V\"; exit 7") {
            $0.arguments += ["name", "a b", "", "$(x)\n", "ü"]
            $0.environment.append("V=1 2")
        }
        #expect(outcome.text == "<a b><><$(x)\n><ü><1 2>")
        #expect(outcome.status == .exited(7))
        #expect(try run("kill -TERM $$").status == .signaled(SIGTERM, coreDumped: false))
    }

    @Test func onlyTheGivenDescriptorsAreOpen() throws {
        let leak = try FileDescriptor.open("/dev/null", O_RDONLY)
        let notCloseOnExec = dup(leak.rawValue)
        defer { close(notCloseOnExec) }
        #expect(try run("ls /proc/self/fd | sort -n | tr '\\n' ' '").text == "0 1 2 3 ")  // 3 is ls's own.
    }

    @Test func descriptorsThatOverlapTheirTargetsArePlacedRight() throws {
        let first = try FileDescriptor.open("/dev/zero", O_RDONLY)
        let second = try FileDescriptor.open("/dev/full", O_RDONLY)
        let outcome = try run("readlink /proc/self/fd/3; readlink /proc/self/fd/4") {
            $0.descriptors += [second.rawValue, first.rawValue]
        }
        #expect(outcome.text == "/dev/full\n/dev/zero\n")
    }

    @Test func signalsStartWithDefaultHandlersAndAnEmptyMask() throws {
        Signals.ignoreBrokenPipe()
        Signals.block([SIGUSR1])
        let text = try run("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '").text
        #expect(text == "0000000000000000 0000000000000000 ")
    }

    @Test(arguments: [
        ("/nonexistent/program", SpawnStage.execute, ENOENT), ("/etc/passwd", .execute, EACCES),
        ("/etc", .execute, EACCES),
    ])
    func aProgramThatCannotBeExecutedIsAnErrorNotAProcess(_ path: String, _ stage: SpawnStage, _ code: Int32) throws {
        #expect(throws: SpawnError(stage: stage, code: code)) {
            try ChildProcess.spawn(SpawnRequest(path: path, arguments: [], environment: [], descriptors: [-1, -1, -1]))
        }
        #expect(try childrenThatAreZombies() == 0)
    }

    @Test func aMissingDirectoryIsToldApart() {
        var request = SpawnRequest(path: "/bin/true", arguments: [], environment: [], descriptors: [-1, -1, -1])
        request.directory = "/nonexistent"
        #expect(throws: SpawnError(stage: .directory, code: ENOENT)) { try ChildProcess.spawn(request) }
    }

    @Test func candidatesAreTriedInOrder() throws {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let request = SpawnRequest(
            candidates: ["/nonexistent", "/etc/passwd", "/bin/true"], arguments: ["true"], environment: [],
            descriptors: [nothing.rawValue, nothing.rawValue, nothing.rawValue])
        #expect(try ChildProcess.spawn(request).reap().status == .exited(0))
    }

    @Test(.enabled(if: geteuid() == 0)) func identityTakesEffectWithExactlyTheGroupsGiven() throws {
        let outcome = try run("id -u; id -g; id -G; grep CapEff /proc/self/status | cut -f2") {
            $0.identity = .init(userID: 1234, groupID: 2345, groups: [2345, 777])
        }
        #expect(outcome.text == "1234\n2345\n2345 777\n0000000000000000\n")
        #expect(geteuid() == 0, "the parent's own identity is untouched")
    }

    @Test func capabilitiesAreDroppedForGood() throws {
        let text = try run("grep -E '^(Cap(Eff|Bnd)|NoNewPrivs)' /proc/self/status | cut -f2 | tr '\\n' ' '") {
            $0.keepOnlyCapabilities = 0
        }.text
        let bounding = geteuid() == 0 ? "0000000000000000" : text.split(separator: " ")[1]
        #expect(text == "0000000000000000 \(bounding) 1 ")
    }

    @Test func aSessionOfItsOwn() throws {
        let outcome = try run("cut -d' ' -f1,5,6 /proc/self/stat; echo $$") {
            $0.session = .session(controllingTerminal: false)
        }
        let words = outcome.text.split(whereSeparator: \.isWhitespace)
        #expect(words[1] == words[3] && words[2] == words[3])
    }

    @Test func aThousandChildrenLeaveNoDescriptorAndNoZombie() throws {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for _ in 0..<1000 {
            let request = SpawnRequest(
                path: "/bin/true", arguments: [], environment: [],
                descriptors: [nothing.rawValue, nothing.rawValue, nothing.rawValue])
            #expect(try ChildProcess.spawn(request).reap().status == .exited(0))
        }
        // Other tests run at the same time and hold a few of their own.
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count < before + 100)
    }

    @Test func usageAndOneReapOnly() throws {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let child = try ChildProcess.spawn(
            SpawnRequest(
                path: "/bin/sh", arguments: ["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"], environment: [],
                descriptors: [nothing.rawValue, nothing.rawValue, nothing.rawValue]))
        #expect(child.waitForEnd(deadline: .after(milliseconds: 20_000)))
        let (status, usage) = try child.reap()
        #expect(status == .exited(0))
        #expect(usage.userMicroseconds > 0 && usage.maximumResidentKibibytes > 0)
        #expect(throws: SystemError.self) { try child.reap() }
        #expect(throws: SystemError("signal process \(child.processID)", code: ESRCH)) { try child.send(SIGKILL) }
    }

    /// Of this very process by their name, as a child has it before its execve: programs that other tests started end too.
    private func childrenThatAreZombies() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { process in
            guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
            let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
            return fields.count > 2 && fields[1] == "Z" && fields[2] == "\(getpid())"
                && stat.contains("(keystone-agentP")
        }.count
    }
}
