import AgentProtocol
import Glibc
import LinuxSystem

/// How a session comes to its end.
extension ExecSession {
    mutating func noteCommandEnded() {
        drainUntil = .after(milliseconds: ExecSession.drainGrace)
        timeoutAt = .never
        streams.closeOutputEnds()
        // Mostly both are at their ends now, and no more waiting is needed.
        if outbox.isEmpty || isHolding {
            ExecSession.pump(&output, into: &outbox, ring: entry.output)
            ExecSession.pump(&errors, into: &outbox, ring: entry.output)
        }
        output.noteCommandEnded()
        errors.noteCommandEnded()
        input.close()
    }

    /// SIGTERM to all of the session now, SIGKILL after the grace.
    mutating func terminate() {
        scope.signalAll(SIGTERM)
        // A stopped process takes the signal once it continues.
        scope.signalAll(SIGCONT)
        killAt = min(killAt, .after(milliseconds: ExecSession.terminationGrace))
    }

    /// The host is gone, so nobody is left to read, write or end the command.
    mutating func hangUp() {
        connection = FileDescriptor(owning: -1)
        output.close()
        errors.close()
        input.close()
        scope.signalAll(SIGHUP)
        scope.signalAll(SIGCONT)
        killAt = min(killAt, .after(milliseconds: ExecSession.hangUpGrace))
    }

    /// Reaps the command and tells how it ended.
    mutating func finish(truncated: Bool) {
        // Ended on request or for want of a host: then so is all it started.
        if killAt != .never || timedOut || (!isConnected && !isDetached) { scope.killAll() }
        // Last, because until then its number is nobody else's.
        let ended = try? process.reap()
        guard isConnected, let ended else { return }
        let report = ExitReport(
            outcome: ended.status.outcome, outOfMemory: outOfMemory, timedOut: timedOut, truncated: truncated,
            userMicroseconds: ended.usage.userMicroseconds, systemMicroseconds: ended.usage.systemMicroseconds,
            wallMicroseconds: (Deadline.now() - started) / 1000,
            maximumResidentKibibytes: ended.usage.maximumResidentKibibytes)
        outbox.append(report.frame())
        isHolding = false
        while true {
            switch outbox.flush(to: connection) {
            case .done, .peerGone: return
            case .blocked:
                // The host reads slowly; if it goes away, the send says so.
                leadership.giveUp()
                do throws(SystemError) { try connection.waitUntilReady(POLLOUT, deadline: .never) } catch { return }
            }
        }
    }
}

extension ExitStatus {
    var outcome: ExitReport.Outcome {
        switch self {
        case .exited(let code): .code(UInt8(truncatingIfNeeded: code))
        case .signaled(let number, _): .signal(UInt8(truncatingIfNeeded: number))
        }
    }
}
