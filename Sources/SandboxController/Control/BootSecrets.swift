import AgentProtocol
import Glibc
import LinuxSystem

/// The two secrets of one boot. They live in the monitor's memory and in the guest, nowhere else.
struct BootSecrets: Sendable {
    /// What the host presents to the guest.
    let host: Secret
    /// What the guest presents to the host.
    let guest: Secret

    init(host: Secret, guest: Secret) {
        self.host = host
        self.guest = guest
    }

    /// 2 × 256 random bits.
    static func generate() throws(SystemError) -> BootSecrets {
        guard let host = Secret(try RandomBytes.make(Secret.size)),
            let guest = Secret(try RandomBytes.make(Secret.size))
        else {
            throw SystemError("make a secret", code: EINVAL)
        }
        return BootSecrets(host: host, guest: guest)
    }

    /// The boot credential's text; `keystone-guest-agent` reads it.
    /// - Parameter reportPort: where the agent is to say hello; agents that don't read it use `Ports.report`.
    func credential(reportPort: UInt32 = Ports.report) -> [UInt8] {
        let port = reportPort == Ports.report ? "" : "report \(reportPort)\n"
        return Array(
            "keystone-boot 1\nhost \(host.revealHexadecimal())\nguest \(guest.revealHexadecimal())\n\(port)".utf8)
    }
}
