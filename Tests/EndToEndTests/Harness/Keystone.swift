import Foundation
import Glibc
import LinuxSystem

/// `keystone agent …` as somebody would type it somewhere.
struct Keystone: Sendable {
    /// For `--state-dir`; nil leaves it out.
    var stateDirectory: String?
    /// Where it is typed.
    var folder: String
    var environment: [String: String]
    /// Another user than the one who runs the tests.
    var identity: SpawnRequest.Identity?
    private let program: String

    /// In the run's shared state directory, with a home of the room's, so that nothing of the real home is read.
    init(in folder: String? = nil, stateDirectory: String? = nil) throws {
        let room = try Room.shared()
        program = room.program
        self.stateDirectory = stateDirectory ?? room.stateDirectory
        self.folder = folder ?? room.folder
        environment = [
            "HOME": try room.makeFolder("home"), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "TERM": "xterm-256color", "LANG": "C.UTF-8",
        ]
        environment["KEYSTONE_KERNEL_PACKAGE"] = ProcessInfo.processInfo.environment["KEYSTONE_KERNEL_PACKAGE"]
    }

    /// By way of another program, such as a script that runs it elsewhere.
    init(by program: String, in folder: String, stateDirectory: String) throws {
        self.program = program
        self.stateDirectory = stateDirectory
        self.folder = folder
        environment = ["PATH": "/usr/bin:/bin", "HOME": try Room.shared().makeFolder("home"), "LANG": "C.UTF-8"]
    }

    /// As another user, with a home and a state directory of their own.
    init(of user: SpawnRequest.Identity, home name: String, in folder: String) throws {
        let home = try Room.shared().makeFolder(name)
        try HostProgram.run(["chown", "\(user.userID):\(user.groupID)", home])
        try self.init(in: folder, stateDirectory: home + "/state")
        identity = user
        environment["HOME"] = home
    }

    private func request(_ words: [String]) -> SpawnRequest {
        let state = stateDirectory.map { ["--state-dir", $0] } ?? []
        var request = SpawnRequest(
            path: program, arguments: ["agent"] + state + words,
            environment: environment.map { "\($0.key)=\($0.value)" },
            descriptors: [])
        request.directory = folder
        request.identity = identity
        return request
    }

    /// Starts it; the test goes on. Not tied to the test's thread.
    func begin(
        _ words: [String], input: Running.Input = .nothing, output: Running.Output = .captured,
        rawArguments: [[UInt8]]? = nil
    ) throws -> Running {
        try Running(request(words), input: input, output: output, rawArguments: rawArguments)
    }

    /// Runs it to its end.
    func agent(_ words: [String], input: Running.Input = .nothing, within seconds: Double = 60) throws -> Finished {
        try begin(words, input: input).finish(within: seconds)
    }

    func agent(_ words: String..., within seconds: Double = 60) throws -> Finished { try agent(words, within: seconds) }

    /// Starts it on a terminal.
    func begin(_ words: [String], on terminal: TestTerminal) throws -> ProcessHandle {
        try terminal.start(request(words))
    }

    /// Runs it, and fails the test's step when it fails.
    @discardableResult
    func mustSucceed(_ words: [String], within seconds: Double = 120) throws -> Finished {
        let finished = try agent(words, within: seconds)
        guard finished.code == 0 else { throw Complaint("keystone agent \(words.joined(separator: " ")): \(finished)") }
        return finished
    }
}

/// Programs of the host that tests compare with.
enum HostProgram {
    @discardableResult
    static func run(
        _ words: [String], in folder: String? = nil, input: Running.Input = .nothing, within seconds: Double = 60
    ) throws -> Finished {
        var request = SpawnRequest(
            candidates: ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"].map { $0 + words[0] }, arguments: words,
            environment: ["PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/nonexistent", "LC_ALL=C.UTF-8"], descriptors: [])
        request.directory = folder
        let finished = try Running(request, input: input).finish(within: seconds)
        guard finished.code == 0 else { throw Complaint("\(words.joined(separator: " ")): \(finished)") }
        return finished
    }

    /// SHA-256 of a file, 64 hexadecimal digits.
    static func sha256(ofFile path: String) throws -> String {
        String(try run(["sha256sum", path]).text.drop { $0 == "\\" }.prefix(64))
    }
}
