import AgentProtocol
import VsockTransport

extension ReportListener {
    /// Listens where a sandbox's guest will dial. Over our own device that is the sandbox's own socket; the kernel has one
    /// set of ports for the whole host, so there each sandbox takes a free one, which its boot credential tells the agent,
    /// and takes nobody but its own guest there.
    static func listen(
        _ carrier: VsockCarrier, socket: String, secrets: BootSecrets, mailbox: Mailbox, health: HealthKeeper
    ) throws(TransportError) -> (listener: ReportListener, port: UInt32) {
        guard let guest = carrier.guestCID else {
            let listener = try ReportListener(
                address: .hybrid(path: socket), secrets: secrets, mailbox: mailbox,
                health: health)
            return (listener, Ports.report)
        }
        var attemptsLeft = 64
        while true {
            // Those below 1024 are root's, and many others are somebody's habit.
            let port = UInt32.random(in: 0x4000_0000...0x7FFF_FFFF)
            do throws(TransportError) {
                let listener = try ReportListener(
                    address: .vsock(cid: guest), port: port, requiredPeer: guest, secrets: secrets, mailbox: mailbox,
                    health: health)
                return (listener, port)
            } catch {
                attemptsLeft -= 1
                guard error.code == .addressInUse, attemptsLeft > 0 else { throw error }
            }
        }
    }
}
