import AgentProtocol
import LinuxSystem

/// Sets the clock to the host's, as the request told it. What the request was on its way is not made up for: over vsock
/// that is less than the difference that is left alone.
enum ClockStep {
    /// Nanoseconds: 1 ms.
    static let tolerance: UInt64 = 1_000_000

    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        guard let wanted = request.clock else { throw StepFailure("The request tells no time") }
        // timespec's seconds are signed.
        guard wanted <= UInt64(Int64.max) else { throw StepFailure("The request's time is not one a clock can show") }
        let now = guest.machine.clock()
        let difference = now > wanted ? now - wanted : wanted - now
        if difference <= tolerance { return .unchanged }
        try StepFailure.wrapping { () throws(SystemError) in try guest.machine.setClock(wanted) }
        return .done("The clock was \(text(difference)) \(now > wanted ? "ahead" : "behind").")
    }

    private static func text(_ nanoseconds: UInt64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        return milliseconds < 10_000 ? "\(milliseconds) ms" : "\(milliseconds / 1000) s"
    }
}
