import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// `keystone-guest-agent serve` on a UNIX socket, with cgroups of its own below a cgroup v2 mount.
final class AgentProcess {
    private let folder: String
    private let base: String
    private var process: ProcessHandle

    var sessions: String { base + "/sessions" }

    /// Beside the test program, where the build puts it.
    private static let program: String = {
        var path = [CChar](repeating: 0, count: 4096)
        let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
        let own = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".") + "/keystone-guest-agent"
    }()

    /// A cgroup v2 mount that we may write to.
    private static let mount = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first {
        access($0 + "/cgroup.procs", W_OK) == 0 && access($0 + "/cgroup.controllers", F_OK) == 0
    }

    static var hasProgram: Bool { access(program, X_OK) == 0 }
    static var canRun: Bool { access(program, X_OK) == 0 && mount != nil && geteuid() == 0 }

    init() throws {
        folder = try TestFolder.make()
        base = try #require(AgentProcess.mount) + "/keystone-test-" + (folder.split(separator: "-").last ?? "x")
        let secret = String(repeating: "ab", count: 32)
        try SmallFile.write(
            folder + "/boot", "keystone-boot 1\nhost \(secret)\nguest \(secret)\n", flags: O_WRONLY | O_CREAT)
        process = try AgentProcess.spawn(folder, base)
        try waitUntilListening()
    }

    deinit {
        try? process.send(SIGKILL)
        _ = try? process.reap()
        for name in (try? SmallFile.names(in: sessions)) ?? [] {
            guard let group = try? SessionGroup(opening: sessions + "/" + name) else { continue }
            group.killAll()
            let deadline = Deadline.after(milliseconds: 2000)
            while !group.remove(), !deadline.hasPassed { sched_yield() }
        }
        for path in [sessions, base + "/agent", base] { rmdir(path) }
        TestFolder.remove(folder)
    }

    private static func spawn(_ folder: String, _ base: String) throws -> ProcessHandle {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        var request = SpawnRequest(
            path: program,
            arguments: [
                "serve", "--listen", "unix:\(folder)/a", "--report", "none", "--credential", "\(folder)/boot",
                "--cgroup", base,
            ],
            environment: [], descriptors: [nothing.rawValue, nothing.rawValue, 2])
        request.directory = "/"
        return try ChildProcess.spawn(request)
    }

    /// Lets a program be killed at a certain system call.
    static let tracer: String? = ["/usr/bin/strace", "/bin/strace"].first { access($0, X_OK) == 0 }

    /// An agent in `folder` that provisions `root`, with 0xAB for each byte of its secrets.
    /// - Parameter killedAt: the calls that count, by name, and the one of them before which the agent dies.
    static func spawnProvisioning(
        _ folder: String, root: String, killedAt: (calls: String, number: Int)? = nil
    ) throws -> ProcessHandle {
        let secret = String(repeating: "ab", count: 32)
        try SmallFile.write(
            folder + "/boot", "keystone-boot 1\nhost \(secret)\nguest \(secret)\n", flags: O_WRONLY | O_CREAT)
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        var words = [
            program, "serve", "--listen", "unix:\(folder)/a", "--report", "none", "--credential", "\(folder)/boot",
            "--cgroup", "none", "--provision-root", root,
        ]
        if let killedAt, let tracer {
            // Detached: what is started, waited for and killed is the agent itself.
            words =
                [tracer, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(killedAt.calls)", "-e"]
                + ["inject=\(killedAt.calls):signal=KILL:when=\(killedAt.number)", "--"] + words
        }
        return try ChildProcess.spawn(
            SpawnRequest(
                path: words[0], arguments: Array(words.dropFirst()), environment: [],
                descriptors: [nothing.rawValue, nothing.rawValue, 2]))
    }

    private func waitUntilListening() throws {
        let deadline = Deadline.after(milliseconds: 10_000)
        while (try? dial()) == nil {
            if deadline.hasPassed { throw TestFailure("the agent does not listen") }
            sched_yield()
        }
    }

    private func dial() throws -> TestConnection {
        TestConnection(
            try VsockTransport.dial(
                .unix(path: folder + "/a"), port: Ports.operations, deadline: .after(milliseconds: 5000)))
    }

    func start(_ request: ExecRequest) throws -> TestConnection {
        let connection = try dial()
        let secret = try #require(Secret([UInt8](repeating: 0xAB, count: 32)))
        try connection.send(Hello(role: .operation, secret: secret).frame() + request.frame())
        return connection
    }

    func run(_ request: ExecRequest) throws -> CommandResult { try start(request).result() }

    func killAndRestart() throws {
        try process.send(SIGKILL)
        _ = try process.reap()
        process = try AgentProcess.spawn(folder, base)
        try waitUntilListening()
    }

    func terminate() throws -> LinuxSystem.ExitStatus {
        try process.send(SIGTERM)
        try #require(process.waitForEnd(deadline: .after(milliseconds: 2000)))
        return try process.reap().status
    }

    var threads: Int { ((try? SmallFile.names(in: "/proc/\(process.processID)/task")) ?? []).count }

    /// Context switches of all its threads.
    var wakeUps: [String] {
        ((try? SmallFile.names(in: "/proc/\(process.processID)/task")) ?? []).flatMap { thread in
            String(
                decoding: (try? SmallFile.read("/proc/\(process.processID)/task/\(thread)/status")) ?? [], as: UTF8.self
            )
            .split(separator: "\n").filter { $0.hasPrefix("voluntary_ctxt") }.map(String.init)
        }
    }

    /// Waits for a state that nothing announces. - Returns: false after 5 s.
    func wait(_ condition: () -> Bool) -> Bool {
        let deadline = Deadline.after(milliseconds: 5000)
        while !condition() {
            if deadline.hasPassed { return false }
            sched_yield()
        }
        return true
    }

    func waitForGroups(_ enough: (Int) -> Bool) -> Bool {
        wait { enough(((try? SmallFile.names(in: sessions)) ?? []).filter { $0.hasPrefix("s") }.count) }
    }

    static func output(_ arguments: [String]) throws -> (text: String, status: LinuxSystem.ExitStatus) {
        let pipe = try FileDescriptor.pipe()
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let reader = pipe.first
        var writer = pipe.second
        let child = try ChildProcess.spawn(
            SpawnRequest(
                path: program, arguments: arguments, environment: [],
                descriptors: [nothing.rawValue, writer.rawValue, writer.rawValue]))
        writer = FileDescriptor(owning: -1)
        let text = String(
            decoding: try reader.readAll(limit: 65536, deadline: .after(milliseconds: 10_000)), as: UTF8.self)
        return (text, try child.reap().status)
    }
}
