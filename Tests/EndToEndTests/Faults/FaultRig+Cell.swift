import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

extension FaultRig {
    /// Runs one cell. - Returns: what was not as it must be.
    func run(_ cell: FaultCell) throws -> [String] {
        try prepare(for: cell.phase)
        defer { letGo() }
        let returns = agentReturns
        let command = try enter(cell)
        let witnesses = Witnesses((try? processes().all) ?? [])
        try inject(cell, command)
        release(cell)
        var problems: [String] = []
        if let command { problems += try end(command, cell) }
        letGo()
        if cell.phase == .build { return problems + (try afterBuild(cell)) }
        try settle(cell, witnesses, returns)
        let truth = try FaultTruth(sandbox)
        problems += truth.problems
        if !cell.outcomes.contains(truth.state) {
            problems.append("it is \(truth.state), not \(cell.outcomes.sorted().joined(separator: " or "))")
        }
        if let code = truth.errorCode, !cell.fault.errorCodes.contains(code) {
            problems.append("the reason is \(code), not \(cell.fault.errorCodes)")
        }
        if truth.state == "running" { problems += try whileItLasts(cell) }
        disk.free()
        return problems + (try nextStart(cell))
    }

    private var agentReturns: Int {
        let text = (try? String(contentsOfFile: directory.eventsFile(sandbox.name), encoding: .utf8)) ?? ""
        return text.components(separatedBy: "\"agent.returned\"").count - 1
    }

    /// Waits for the end of what the phase has begun, and looks at what it said.
    private func end(_ command: Running, _ cell: FaultCell) throws -> [String] {
        guard cell.fault != .cli else {
            _ = try command.finish()
            return cell.phase == .exec ? checkStream(command) : []
        }
        if cell.phase == .exec { return try endStream(command, cell) }
        let finished = try command.finish(within: 150)
        let isBad = finished.code != 0 && !finished.errorText.contains("keystone: ")
        return isBad || finished.errorText.contains("Fatal error") ? ["it ends without a sentence: \(finished)"] : []
    }

    private func endStream(_ command: Running, _ cell: FaultCell) throws -> [String] {
        switch cell.fault {
        case .hang:
            // Nobody knows when it goes on; until then the command waits, as it would for a slow one.
            try sandbox.keystone.mustSucceed(["stop", "--force", sandbox.name])
        case .hostDisk, .guestDisk, .clock, .suspend:
            let before = command.output.count
            try command.wait("more output", within: 30) { $0.output.count > before + 100 }
            try command.send(SIGKILL)
            _ = try command.finish()
            return checkStream(command)
        default: break
        }
        let finished = try command.finish(within: 30)
        let isGood = finished.code == 125 && finished.isOneClearSentence
        return checkStream(command) + (isGood ? [] : ["the command ends so: \(finished.code) \(finished.errorText)"])
    }

    /// What was printed was written before, so the host has all of it, and nothing is missing in between.
    private func checkStream(_ command: Running) -> [String] {
        let lines = command.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        let told = lines.enumerated().allSatisfy { $1 == "\($0 + 1)" }
        let kept = (try? sandbox.project.read("streamed")).map { $0.split(separator: 10).count } ?? 0
        var problems: [String] = []
        if !told { problems.append("output is missing or doubled in \(lines.count) lines") }
        if kept < lines.count { problems.append("\(lines.count) lines were told, and \(kept) are kept") }
        return problems
    }

    /// Waits until the sandbox is as it will be: by its processes' end, its state file, or its agent's return.
    private func settle(_ cell: FaultCell, _ witnesses: Witnesses, _ returns: Int) throws {
        let file = directory.stateFile(sandbox.name)
        if cell.outcomes.isDisjoint(with: ["running"]) {
            _ = witnesses.waitForEnd(within: 20)
        } else if cell.fault == .agent, !cell.phase.isStart {
            let back = try FileWatch.wait(in: sandbox.stateFolder, within: 30) { agentReturns > returns }
            if !back { throw Complaint("The agent did not come back.") }
        } else if access(sandbox.stateFolder, F_OK) == 0 {
            _ = try FileWatch.wait(in: sandbox.stateFolder, within: 60) { StateFile.read(file)?.state != .starting }
        }
    }

    /// A sandbox that runs on is of use, and can be stopped while the fault lasts.
    private func whileItLasts(_ cell: FaultCell) throws -> [String] {
        var problems: [String] = []
        if cell.fault != .hang {
            let finished = try sandbox.exec("echo", "alive")
            if finished.line != "alive" { problems.append("a command fails: \(finished)") }
        }
        if cell.fault == .clock {
            // Deadlines are on a clock that nobody sets: neither at once, nor in eleven years.
            let limited = try sandbox.exec(["sleep", "30"], options: ["--timeout", "1s"])
            if limited.code != 124 || !(1..<20 ~= limited.seconds) { problems.append("a time limit: \(limited)") }
        }
        guard [.hang, .hostDisk, .guestDisk].contains(cell.fault) else { return problems }
        let stopped = try sandbox.keystone.agent("stop", "--timeout", "3s", sandbox.name)
        if stopped.code != 0 { problems.append("it can't be stopped: \(stopped)") }
        let truth = try FaultTruth(sandbox)
        return problems + truth.problems + (truth.state == "stopped" ? [] : ["stopped, it says it is \(truth.state)"])
    }

    private func nextStart(_ cell: FaultCell) throws -> [String] {
        var problems = isAcknowledgedKept() ? [] : ["what a command had written is lost"]
        try seed()
        if (try? sandbox.state()) != "running" {
            let started = try sandbox.keystone.agent(
                TestSandbox.startWords(sandbox.name), within: TestSandbox.startSeconds)
            if started.code != 0 { problems.append("the next start fails: \(started)") }
        }
        let finished = try sandbox.exec("cat", "/workspace/README.md")
        if finished.code != 0 { problems.append("a command in the next one fails: \(finished)") }
        return problems + (try FaultTruth(sandbox)).problems
    }

    /// No sandbox is in it: the images that were there are, and the next build is whole.
    private func afterBuild(_ cell: FaultCell) throws -> [String] {
        var problems: [String] = []
        _ = try sandbox.keystone.agent("image", "list")
        let left = FaultRig.work(in: directory.imagesFolder)
        if !left.isEmpty { problems.append("folders are left: \(left)") }
        disk.free()
        try seed()
        let known = try sandbox.keystone.agent("image", "inspect", "minimal", within: 60)
        if known.code != 0 { problems.append("the image that was there is not: \(known)") }
        let program = sandbox.project.path("included-next")
        try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: program))
        chmod(program, 0o755)
        let built = try sandbox.keystone.agent(
            ["image", "build", "--name", "other", "--include", program], within: 300)
        if built.code != 0 { problems.append("the next build fails: \(built)") }
        _ = try sandbox.keystone.agent("image", "prune")
        return problems
    }
}
