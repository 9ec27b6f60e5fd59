import LinuxSystem

extension SandboxController {
    /// Why nothing is forwarded to a sandbox any more, whose monitor has let go. Waits until it has ended.
    public func endOfForwarding(_ name: String) -> ControllerError {
        // A monitor that lets go is tidying up, or dead; the lock is free when all of it has ended.
        _ = try? FileLock(path: directory.monitorLock(name), deadline: .after(milliseconds: 3_000))
        let again = "Start it again with `keystone agent start --name \(name)`."
        do throws(ControllerError) {
            let status = try status(name)
            switch status.state {
            case .error(_, let reason):
                return ControllerError(
                    .notRunning, "Nothing is forwarded to sandbox \(name) any more: \(reason)",
                    advice: status.file?.advice ?? again)
            case .running, .starting:
                return ControllerError(
                    .monitorGone,
                    "The monitor of sandbox \(name) let go of the forward; the sandbox is \(status.state.word).",
                    advice: "Forward again.")
            default:
                return ControllerError(
                    .notRunning, "Sandbox \(name) is \(status.state.word), so nothing is forwarded to it any more.",
                    advice: again)
            }
        } catch {
            return error
        }
    }

    /// The ports on which something in a sandbox's guest listens, as its agent reported last: by port, each address once.
    /// - Throws: `noSuchSandbox`, `notRunning`, `unsupported` where the agent doesn't report.
    public func listeningPorts(_ name: String) throws(ControllerError) -> [GuestPort] {
        let health = try health(name)
        guard case .running = health.state, let record = health.record else {
            throw Unreachable.explain(name, in: directory)
        }
        guard let ports = record.report?.ports else {
            throw ControllerError(
                .unsupported, "The agent in sandbox \(name) doesn't say which ports are listened on.",
                advice: record.reports
                    ? "See `keystone agent health \(name)`."
                    : "Build the image again with `keystone agent image build`, then start with --fresh.")
        }
        return ports.map { GuestPort(port: $0.port, address: $0.address) }
    }
}

/// A TCP port on which something in the guest listens.
public struct GuestPort: Equatable, Sendable {
    public let port: UInt16
    /// As the guest says it, escaped.
    public let address: String

    /// Whether `forward` reaches it, which connects to 127.0.0.1 and ::1.
    public var isForwardable: Bool {
        ["0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"].contains(address)
    }
}
