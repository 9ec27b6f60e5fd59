import AgentProtocol
import Glibc
import LinuxSystem
import Testing
import VsockTransport

@testable import GuestAgent

/// An agent that is killed while it provisions, again and again.
@Suite(.enabled(if: GuestTree.canRun && AgentProcess.hasProgram)) struct ProvisionKillTests {
    private static func request(_ guest: GuestTree) -> ProvisionRequest {
        ProvisionRequest(
            steps: [.machineID, .user, .home, .git, .sshKeys, .tokens], machineID: [UInt8](repeating: 9, count: 16),
            user: .init(name: "sandbox", userID: 1500, groupID: 1500), gitIdentity: .init(name: "A", email: "a@b"),
            authorizedKeys: [ProvisionKeysTests.key],
            tokens: ["NEW", "ROTATED"].compactMap { name in
                TokenValue("value".utf8).flatMap { ProvisionRequest.Token(name: name, value: $0) }
            })
    }

    /// A tree with a skeleton, a home of the old owner and tokens to rotate and to revoke, so that there is something to be
    /// cut short. It is in memory: tokens are put nowhere else.
    private static func tree(_ count: Int = 20) throws -> GuestTree {
        let guest = try GuestTree(below: "/dev/shm")
        for folder in ["/run/keystone", "/run/keystone/tokens"] { mkdir(guest.folder + folder, 0o755) }
        for name in ["ROTATED", "REVOKED"] { try guest.write("/run/keystone/tokens/\(name)", "old") }
        mkdir(guest.folder + "/etc/skel", 0o755)
        mkdir(guest.home, 0o755)
        for number in 0..<count {
            try guest.write("/etc/skel/s\(number)", "skeleton \(number)")
            try guest.write("/home/sandbox/f\(number)", "")
            chown(guest.home + "/f\(number)", 1000, 1000)
        }
        chown(guest.home, 1000, 1000)
        return guest
    }

    /// Without inode numbers.
    private static func state(_ guest: GuestTree) -> [String] {
        guest.picture().map { line in
            var words = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
            if words.count > 3 { words.remove(at: 3) }
            return words.joined(separator: " ")
        }
    }

    /// - Parameter microseconds: from the request to the kill; nil to let the agent finish.
    private static func provision(_ guest: GuestTree, killedAfter microseconds: UInt64?) throws -> ProvisionReport? {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let process = try AgentProcess.spawnProvisioning(folder, root: guest.folder)
        defer {
            try? process.send(SIGKILL)
            _ = try? process.reap()
        }
        let start = Deadline.after(milliseconds: 10_000)
        var dialled: TestConnection?
        while dialled == nil, !start.hasPassed {
            dialled = try? TestConnection(
                VsockTransport.dial(.unix(path: folder + "/a"), port: Ports.operations, deadline: start))
        }
        let connection = try #require(dialled)
        let secret = try #require(Secret([UInt8](repeating: 0xAB, count: 32)))
        try connection.send(Hello(role: .operation, secret: secret).frame() + request(guest).frame())
        guard let microseconds else {
            return try connection.next(.provisionReport).decode(ProvisionReport.self)
        }
        let end = Deadline.after(nanoseconds: microseconds * 1000)
        while !end.hasPassed { sched_yield() }
        return nil
    }

    @Test func whereverItIsKilledTheNextRunMakesItRight() throws {
        let undisturbed = try ProvisionKillTests.tree()
        let report = try ProvisionKillTests.provision(undisturbed, killedAfter: nil)
        #expect(report?.results.allSatisfy { $0.outcome == .done } == true, "\(String(describing: report))")
        for round in 0..<24 {
            let guest = try ProvisionKillTests.tree()
            _ = try ProvisionKillTests.provision(guest, killedAfter: UInt64(round) * 250)
            _ = try ProvisionKillTests.provision(guest, killedAfter: nil)
            #expect(ProvisionKillTests.state(guest) == ProvisionKillTests.state(undisturbed), "round \(round)")
        }
    }

    /// Whatever changes something but the making of a file, before and behind which others are.
    static let changingCalls = [
        "write", "fchmod", "fchmodat", "fchown", "fchownat", "rename", "renameat", "unlinkat", "mkdir", "mkdirat",
        "symlinkat", "fsync", "ftruncate",
    ]

    /// - Returns: nil when the agent died, else its report.
    private static func provision(_ guest: GuestTree, killedBefore call: (calls: String, number: Int)) throws
        -> ProvisionReport?
    {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let process = try AgentProcess.spawnProvisioning(folder, root: guest.folder, killedAt: call)
        defer {
            try? process.send(SIGKILL)
            _ = try? process.reap()
        }
        let start = Deadline.after(milliseconds: 20_000)
        var dialled: TestConnection?
        while dialled == nil {
            // It may die before it listens.
            if process.waitForEnd(deadline: Deadline(nanoseconds: 0)) { return nil }
            if start.hasPassed { throw TestFailure("the agent neither listens nor ends") }
            dialled = try? TestConnection(
                VsockTransport.dial(.unix(path: folder + "/a"), port: Ports.operations, deadline: start))
        }
        let connection = try #require(dialled)
        let secret = try #require(Secret([UInt8](repeating: 0xAB, count: 32)))
        do {
            try connection.send(Hello(role: .operation, secret: secret).frame() + request(guest).frame())
            return try connection.next(.provisionReport).decode(ProvisionReport.self)
        } catch {
            #expect(
                process.waitForEnd(deadline: .after(milliseconds: 10_000)), "it lives, and did not answer: \(error)")
            return nil
        }
    }

    /// Dies before the first, the second, … of its calls of each kind, until it gets to the end.
    @Test(.enabled(if: AgentProcess.tracer != nil))
    func beforeWhicheverCallItIsKilledTheNextRunMakesItRightAndTheOneAfterChangesNothing() throws {
        let undisturbed = try ProvisionKillTests.tree(2)
        let wanted = try ProvisionKillTests.provision(undisturbed, killedAfter: nil)
        #expect(wanted?.results.allSatisfy { $0.outcome == .done } == true, "\(String(describing: wanted))")
        // The second run touches no file: not even a number of an inode is another.
        let picture = undisturbed.picture()
        let again = try ProvisionKillTests.provision(undisturbed, killedAfter: nil)
        #expect(undisturbed.picture() == picture)
        // A new agent has to be told of the runtime folder (the home step's) and of the tokens, which it keeps in memory.
        #expect(
            again?.results.allSatisfy { $0.outcome == .unchanged || [.home, .tokens].contains($0.step) } == true,
            "\(String(describing: again))")
        var deaths = 0
        for call in ProvisionKillTests.changingCalls {
            var number = 0
            while true {
                number += 1
                let guest = try ProvisionKillTests.tree(2)
                if try ProvisionKillTests.provision(guest, killedBefore: (call, number)) != nil { break }
                let next = try ProvisionKillTests.provision(guest, killedAfter: nil)
                #expect(
                    next?.results.contains { $0.outcome == .failed } == false,
                    "\(call) \(number): \(String(describing: next))")
                #expect(ProvisionKillTests.state(guest) == ProvisionKillTests.state(undisturbed), "\(call) \(number)")
            }
            deaths += number - 1
        }
        // Five account files, four files and seven folders of the home, two of git and keys, three tokens.
        #expect(deaths > 50, "only \(deaths)")
    }
}
