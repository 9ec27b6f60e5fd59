import AgentProtocol
import Foundation
import LinuxSystem
import SandboxController

/// A probe that runs in the guest until this object is told to `stop`, having said "ready".
///
/// Concurrency: a thread of its own follows the command and fills `text`; the condition guards it.
final class ProbeServer: @unchecked Sendable {
    private let command: GuestCommand
    private let changed = NSCondition()
    private var text = ""
    private var ended = false

    convenience init(_ fixture: BenchFixture, _ arguments: [String]) throws {
        try self.init(fixture, command: [fixture.probePath] + arguments)
    }

    /// - Parameter arguments: a command in the guest that ends up as a probe.
    init(_ fixture: BenchFixture, command arguments: [String]) throws {
        let request = ExecRequest(arguments: arguments.map { Array($0.utf8) })
        command = try GuestCommand(request, at: fixture.endpoint())
        try LinuxSystem.Thread.start(name: "probe") { self.follow() }
        try waitUntilReady(arguments)
    }

    private func follow() {
        _ = try? command.follow { _, bytes in
            let piece = String(decoding: bytes, as: UTF8.self)
            changed.withLock {
                text += piece
                changed.signal()
            }
        }
        changed.withLock {
            ended = true
            changed.signal()
        }
    }

    private func waitUntilReady(_ arguments: [String]) throws {
        let limit = Date(timeIntervalSinceNow: 30)
        try changed.withLock {
            while !text.contains("ready") {
                guard !ended, changed.wait(until: limit) else {
                    throw BenchError("the probe \(arguments.joined(separator: " ")) did not get ready: \(text)")
                }
            }
        }
    }

    func stop() { command.abandon() }
}
