import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// Making the owners of many files right: by the host, by the guest's agent, and by `chown -R` in the same guest.
///
/// Each works on a tree of its own, all of one size: what is changed once can't be changed again. What works in the guest
/// gives its tree to a user that nobody else would give it to, so no watch of the host's is in between; the host works in a
/// project that no machine has. As an ordinary user the share is `none`, where there is nothing to change, and that is what
/// is counted.
struct OwnershipBench {
    private let fixture: BenchFixture
    private let sandbox: OwnedSandbox
    /// In each tree, folders not counted.
    private let files: Int

    init(_ fixture: BenchFixture, files: Int) throws {
        self.fixture = fixture
        self.files = files
        sandbox = try OwnedSandbox(fixture)
    }

    func run(_ report: inout BenchReport) throws {
        defer { sandbox.remove() }
        try sandbox.start()
        if try sandbox.security() == .mapped {
            try measureMapped(&report)
        } else {
            report.note(
                "ownership: run by an ordinary user, so the share is `none`; run by root for the figures of `mapped`.")
        }
        try countCallsOnNone(&report)
    }

    // MARK: mapped

    private func measureMapped(_ report: inout BenchReport) throws {
        try sandbox.makeTree(Tree.chown.rawValue, files: files)
        try sandbox.makeTree(Tree.agent.rawValue, files: files)
        try sandbox.makeTree(Tree.host.rawValue, files: files, in: sandbox.unsharedProject)
        BenchLog.write("ownership: chown -R of \(files) files in the guest, twice")
        let first = try chown()
        let again = try chown()
        let host = try (fixByHost(), fixByHost())
        BenchLog.write("ownership: the agent's walk of \(files) files, twice")
        let agent = try (walkByAgent(), walkByAgent())
        let command = try Stopwatch.milliseconds {
            try fixture.cli(["fix-ownership", sandbox.name, Tree.agent.rawValue])
        }

        // The slow way against the fast one, so that a ratio tells how many times as fast that is.
        func add(_ name: String, _ slow: Double, _ baseline: String, _ fast: Double, atLeast ratio: Double?) {
            report.add(
                Figure(
                    .ownership, name, "s", slow, baseline: .init(name: baseline, value: fast),
                    target: ratio.map { .ratioAtLeast($0) }))
        }
        add("mapped, \(files) files, chown -R", first, "host", host.0, atLeast: 50)
        add("… again", again, "host again", host.1, atLeast: 50)
        add("… once", first, "fix-ownership, with the agent's glance", command / 1000, atLeast: nil)
        add("mapped, \(files) files, chown -R", first, "agent", agent.0.seconds, atLeast: 2)
        add("… again", again, "agent again", agent.1.seconds, atLeast: 2)
        report.add(
            Figure(.ownership, "… chown calls of the agent again", "", Double(agent.1.calls), target: .atMost(0)))
        report.note("ownership: files in folders of 100, one run of each; chown is busybox's, as in the guest.")
    }

    private enum Tree: String, CaseIterable { case chown, host, agent }

    /// - Returns: seconds.
    private func chown() throws -> Double {
        let owner = "\(OwnedSandbox.other.userID):\(OwnedSandbox.other.groupID)"
        let milliseconds = try Stopwatch.milliseconds {
            let words = ["chown", "-R", owner, "/workspace/\(Tree.chown.rawValue)"]
            var request = ExecRequest(arguments: words.map { Array($0.utf8) })
            request.user = "root"
            let end = try GuestCommand(request, at: sandbox.endpoint()).follow { _, _ in }
            guard end.outcome == .code(0) else { throw BenchError("chown -R ended with \(end.outcome) in the guest") }
        }
        return milliseconds / 1000
    }

    /// - Returns: seconds.
    private func fixByHost() throws -> Double {
        let report = try Ownership.fix(project: sandbox.unsharedProject, security: .mapped)
        guard report.isRight, report.seen >= files else { throw BenchError("the host saw \(report.seen) entries") }
        return report.seconds
    }

    private func walkByAgent() throws -> GuestCheck {
        let request = OwnershipRequest(
            root: Array("/workspace".utf8), paths: [Array(Tree.agent.rawValue.utf8)],
            userID: OwnedSandbox.other.userID, groupID: OwnedSandbox.other.groupID)
        guard let check = try GuestWalk.run(request, at: sandbox.endpoint(), progress: { _ in }),
            check.isComplete, check.problems.isEmpty, check.seen >= files
        else { throw BenchError("the agent did not see all of the \(files) files") }
        return check
    }

    // MARK: none

    private func countCallsOnNone(_ report: inout BenchReport) throws {
        let host = try Ownership.fix(project: sandbox.project, security: .none)
        report.add(
            Figure(.ownership, "none, entries the host looks at", "", Double(host.seen), target: .atMost(0)))
        guard try sandbox.security() == .none else { return }
        var fix = OwnershipFix()
        fix.verifies = true
        try sandbox.makeTree("right", files: min(files, 1000))
        let found = try fixture.controller.fixOwnership(sandbox.name, fix, progress: SilentProgress())
        let calls = found.guest.reduce(0) { $0 + $1.calls }
        report.add(
            Figure(.ownership, "none, chown calls of an agent told to verify", "", Double(calls), target: .atMost(0)))
    }
}
