import LinuxSystem

/// Why a connection to a guest ended without a word. Asked after the fact: the monitor knows which process died.
enum PeerLoss {
    static func explain(_ name: String, in directory: StateDirectory) -> ControllerError {
        let deadline = Deadline.after(milliseconds: 5_000)
        do throws(SystemError) {
            let client = try ControlClient(sandbox: name, in: directory, deadline: deadline)
            let answer = ask(client, deadline: deadline)
            // It ended between taking the question and answering it.
            return answer.code == .monitorGone ? ended(name, in: directory) : answer
        } catch {
            return ended(name, in: directory)
        }
    }

    private static func ended(_ name: String, in directory: StateDirectory) -> ControllerError {
        ControllerError(
            .monitorGone, "The sandbox \(name) ended while the command ran: \(reason(name, in: directory))",
            advice: "Start it again with `keystone agent start --name \(name)`.")
    }

    private static func ask(_ client: consuming ControlClient, deadline: Deadline) -> ControllerError {
        do throws(ControllerError) {
            let answer = try client.ask(ControlMessage(.describe).with(.peerLoss, 1), deadline: deadline)
            let text = answer.text(.text) ?? "the agent's connection was lost"
            return ControllerError(.agentGone, "The command was lost: \(text).", advice: answer.text(.advice))
        } catch {
            return error
        }
    }

    private static func reason(_ name: String, in directory: StateDirectory) -> String {
        do throws(ControllerError) {
            // A monitor that no longer answers is tidying up or dead; the lock is free when all of it has ended.
            _ = try? FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 3_000))
            let status = try SandboxController(directory: directory).status(name)
            if case .error(_, let reason) = status.state { return reason }
            return "it is \(status.state.word) now."
        } catch {
            return error.message
        }
    }
}
