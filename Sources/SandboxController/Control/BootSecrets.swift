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
    func credential() -> [UInt8] {
        Array("keystone-boot 1\nhost \(host.revealHexadecimal())\nguest \(guest.revealHexadecimal())\n".utf8)
    }
}
