import AgentProtocol
import Glibc
import LinuxSystem

/// Tries whether commands can be run, since an agent that reports may still be unable to: a real session of a command that does
/// nothing, once a minute, and not where somebody's own command has just run.
///
/// Concurrency: `begin` starts a thread, which ends with the monitor.
final class HealthProbe: Sendable {
    /// After the boot, for whoever started the sandbox has commands of their own to run.
    private static let firstDelay = 5_000
    private static let interval = 60_000
    /// While it fails.
    private static let retryInterval = 10_000
    private static let deadline = 10_000

    private let endpoint: GuestConnection.Endpoint
    private let keeper: HealthKeeper

    init(_ endpoint: GuestConnection.Endpoint, keeper: HealthKeeper) {
        self.endpoint = endpoint
        self.keeper = keeper
    }

    func begin() throws(SystemError) { try Thread.start(name: "health-probe", stackKibibytes: 256) { self.run() } }

    private func run() {
        var next = Deadline.after(milliseconds: HealthProbe.firstDelay)
        while true {
            var entry = pollfd(fd: keeper.use?.rawValue ?? -1, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, next.pollTimeout) > 0 {
                keeper.use?.drain()
                next = .after(milliseconds: HealthProbe.interval)
            }
            guard next.hasPassed else { continue }
            // An agent that is away is told of already.
            let works = keeper.current.lostAt == nil ? attempt() : false
            next = .after(milliseconds: works ? HealthProbe.interval : HealthProbe.retryInterval)
        }
    }

    private func attempt() -> Bool {
        let began = Deadline.now()
        let failure = HealthProbe.failure(endpoint)
        // The agent went away meanwhile, which is another matter.
        if failure != nil, keeper.current.lostAt != nil { return false }
        let since = failure == nil ? nil : keeper.current.probe?.failingSince ?? began
        keeper.note(
            HealthRecord.Probe(
                at: Deadline.now(), milliseconds: (Deadline.now() - began) / 1_000_000, failure: failure,
                failingSince: since))
        return failure == nil
    }

    /// - Returns: why no command could be run, or nil.
    static func failure(_ endpoint: GuestConnection.Endpoint) -> String? {
        var request = ExecRequest(arguments: [Array("true".utf8)])
        request.isProbe = true
        request.withholdsTokens = true
        request.timeoutMilliseconds = UInt64(deadline)
        let limit = Deadline.after(milliseconds: deadline)
        do throws(ControllerError) {
            let command = try GuestCommand(request, at: endpoint, deadline: limit)
            let end = try command.follow(deadline: limit) { _, _ in }
            switch end.outcome {
            case .code(0): return nil
            case .code(let code): return "`true` ended with exit code \(code)"
            case .signal(let number): return "`true` was killed by signal \(number)"
            }
        } catch {
            return error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
        }
    }
}
