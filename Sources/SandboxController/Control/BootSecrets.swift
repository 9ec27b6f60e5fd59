import AgentProtocol
import CLinux
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

    /// 2 × 256 bits from `getrandom(2)`.
    static func generate() throws(SystemError) -> BootSecrets {
        guard let host = Secret(try random()), let guest = Secret(try random()) else {
            throw SystemError("make a secret", code: EINVAL)
        }
        return BootSecrets(host: host, guest: guest)
    }

    private static func random() throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Secret.size)
        try retryingInterrupts("get random bytes") {
            bytes.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
        }
        return bytes
    }

    /// The boot credential's text; `keystone-guest-agent` reads it.
    func credential() -> [UInt8] {
        Array("keystone-boot 1\nhost \(host.revealHexadecimal())\nguest \(guest.revealHexadecimal())\n".utf8)
    }
}
