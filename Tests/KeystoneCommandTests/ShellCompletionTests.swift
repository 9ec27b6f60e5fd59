import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import keystone

/// The scripts in the shells themselves: a line is typed, Tab is pressed, and the shell is asked what the line has become.
@Suite struct ShellCompletionTests {
    struct Case: Sendable {
        let typed: String
        let words: [String]
        init(_ typed: String, _ words: String...) {
            self.typed = typed
            self.words = words
        }
    }

    private static let cases = [
        Case("keystone agent destr", "keystone", "agent", "destroy"),
        Case("keystone agent stop fro", "keystone", "agent", "stop", "frontend"),
        Case("keystone agent start --share-sec", "keystone", "agent", "start", "--share-security"),
        Case("keystone agent start --network=n", "keystone", "agent", "start", "--network=none"),
        Case("keystone agent start --network n", "keystone", "agent", "start", "--network", "none"),
        Case("keystone agent start --env-file onl", "keystone", "agent", "start", "--env-file", "only.env"),
        Case("keystone-agent resta", "keystone-agent", "restart"),
    ]

    @Test(arguments: ["bash", "zsh", "fish"])
    func tabCompletes(_ name: String) throws {
        let shell = try TypingShell(name)
        for test in Self.cases {
            let shown = try shell.words(afterTabBehind: test.typed)
            #expect(shown == test.words, "\(name): \(test.typed)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func theScriptIsOfTheShellsSyntax(_ name: String) throws {
        let program = Program()
        let script = try program.run(["agent", "completion", name])
        #expect(script.code == 0 && script.errors.isEmpty)
        let path = program.scratch.path + "/script"
        try Data(script.output.utf8).write(to: URL(fileURLWithPath: path))
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/usr/bin/" + name)
        check.arguments = ["-n", path]
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0)
    }

    @Test func anotherShellIsRefusedWithTheOnesThereAre() throws {
        let result = try Program().run(["agent", "completion", "tcsh"])
        #expect(result.code == 2 && result.errors.contains("bash, zsh, fish"))
    }
}

/// An interactive shell on a terminal, with the completion script loaded and a sandbox registered. One thread uses it.
private final class TypingShell {
    private final class End: Sendable {
        let value: FileDescriptor
        init(_ value: consuming FileDescriptor) { self.value = value }
    }

    private let program = Program()
    private let terminal: End
    private let process: ProcessHandle
    private var screen: [UInt8] = []
    private var asked = 0

    init(_ name: String) throws {
        let scratch = program.scratch.path
        try program.register([record("frontend"), record("backend")])
        try Data().write(to: URL(fileURLWithPath: scratch + "/only.env"))
        let built = (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString)
            .deletingLastPathComponent
        _ = try program.scratch.folder("bin")
        for link in ["keystone", "keystone-agent"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(scratch)/bin/\(link)", withDestinationPath: built + "/keystone")
        }
        let ends = try PseudoTerminal(rows: 50, columns: 500, owner: getuid(), group: getgid())
        let inner = ends.secondary
        let descriptors = [inner.rawValue, inner.rawValue, inner.rawValue]
        terminal = End(ends.primary)
        let arguments: [String] =
            switch name {
            case "bash": ["--norc", "--noprofile", "-i"]
            case "zsh": ["-f", "-i"]
            default: ["--no-config", "-i"]
            }
        var request = SpawnRequest(
            path: "/usr/bin/" + name, arguments: arguments,
            environment: [
                "PATH=\(scratch)/bin:/usr/bin:/bin", "HOME=\(scratch)", "KEYSTONE_AGENT_STATE_DIR=\(program.state)",
                "TERM=dumb", "LC_ALL=C.UTF-8",
            ], descriptors: descriptors)
        request.directory = scratch
        request.session = .session(controllingTerminal: true)
        request.deathSignal = SIGKILL
        process = try ChildProcess.spawn(request)
        _ = consume inner
        switch name {
        case "bash": try run("source <(keystone agent completion bash)")
        case "zsh":
            try run("autoload -U compinit && compinit -D -u")
            try run("source <(keystone agent completion zsh)")
        default: try run("keystone agent completion fish | source")
        }
    }

    deinit {
        try? process.send(SIGKILL)
        _ = try? process.reap()
    }

    /// Types a line and Tab, goes back to its beginning and makes it the arguments of `printf`.
    func words(afterTabBehind line: String) throws -> [String] {
        asked += 1
        let control = (beginning: "\u{1}", end: "\u{5}")
        try type(line + "\t" + control.beginning + "printf '<%s>' " + control.end + "; echo \"[done\"\(asked)]\r")
        let shown = try wait(for: "[done\(asked)]")
        // The line itself is echoed with its quotes; what printf printed has none before the bracket.
        guard let start = shown.range(of: "<keystone", options: .backwards)?.lowerBound else { return [shown] }
        return shown[start...].split(separator: ">").map { String($0.drop { $0 == "<" }) }
    }

    private func run(_ line: String) throws {
        asked += 1
        try type("\(line); echo \"[done\"\(asked)]\r")
        _ = try wait(for: "[done\(asked)]")
    }

    private func type(_ text: String) throws {
        screen = []
        try terminal.value.writeAll(Array(text.utf8), deadline: .after(milliseconds: 10_000))
    }

    /// - Returns: what was shown before the text since something was typed.
    private func wait(for text: String) throws -> String {
        let deadline = Deadline.after(milliseconds: 30_000)
        while true {
            let shown = String(decoding: screen, as: UTF8.self)
            if let end = shown.range(of: text) { return String(shown[..<end.lowerBound]) }
            do throws(SystemError) {
                try terminal.value.waitUntilReady(POLLIN, deadline: deadline)
            } catch {
                Issue.record("the shell never showed \(text); it shows \(shown.debugDescription)")
                throw error
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(terminal.value.rawValue, &buffer, buffer.count)
            if count > 0 { screen += buffer[..<count] }
        }
    }
}
