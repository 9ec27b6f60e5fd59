import Foundation
import Glibc
import LinuxSystem
import SandboxController

extension BenchFixture {
    /// Runs `keystone agent WORDS…` to its end, stdin and stdout on `/dev/null` unless given.
    func cli(_ words: [String], input: Int32? = nil, output: Int32? = nil) throws {
        let status = try startCLI(words, input: input, output: output).reap().status
        guard status == .exited(0) else {
            throw BenchError("keystone agent \(words.joined(separator: " ")) ended with \(status)")
        }
    }

    func startCLI(_ words: [String], input: Int32? = nil, output: Int32? = nil) throws -> ProcessHandle {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let request = SpawnRequest(
            path: cli, arguments: ["agent"] + words,
            environment: [
                "KEYSTONE_AGENT_STATE_DIR=\(directory.root)", "HOME=\(directory.root)", "PATH=/usr/bin:/bin",
            ],
            descriptors: [input ?? nothing.rawValue, output ?? nothing.rawValue, 2])
        return try ChildProcess.spawn(request)
    }
}
