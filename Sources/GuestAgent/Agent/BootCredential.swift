import AgentProtocol
import Glibc
import LinuxSystem

/// What the host gave this boot: the secret by which the host is known, and the one by which we are.
///
/// Text of lines: `keystone-boot 1`, `host <64 hexadecimal digits>`, `guest <64 hexadecimal digits>`, and optionally
/// `user NAME[:GROUP]`, who commands run as when a request does not say, and `report PORT`, where the host listens for our
/// hello when that is not `Ports.report`. Other lines are left for later versions.
public struct BootCredential: Sendable {
    /// The host shows this to us.
    public let host: Secret
    /// We show this to the host.
    public let guest: Secret
    public let defaultUser: String?
    public let reportPort: UInt32

    public init(host: Secret, guest: Secret, defaultUser: String? = nil, reportPort: UInt32 = Ports.report) {
        self.host = host
        self.guest = guest
        self.defaultUser = defaultUser
        self.reportPort = reportPort
    }

    /// - Returns: nil when the text is not a credential of version 1.
    public init?(text: [UInt8]) {
        var (host, guest, user): (Secret?, Secret?, String?)
        var port = Ports.report
        let lines = text.split(separator: UInt8(ascii: "\n"))
        guard lines.first?.elementsEqual("keystone-boot 1".utf8) == true else { return nil }
        for line in lines.dropFirst() {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
            guard words.count == 2 else { continue }
            let value = String(decoding: words[1], as: UTF8.self)
            if words[0].elementsEqual("host".utf8) { host = Secret(hexadecimal: Array(words[1])) }
            if words[0].elementsEqual("guest".utf8) { guest = Secret(hexadecimal: Array(words[1])) }
            if words[0].elementsEqual("user".utf8) { user = value }
            if words[0].elementsEqual("report".utf8) {
                guard let number = UInt32(value) else { return nil }
                port = number
            }
        }
        guard let host, let guest else { return nil }
        self.init(host: host, guest: guest, defaultUser: user, reportPort: port)
    }

    /// Where QEMU's fw_cfg shows it, mode 0400.
    public static let firmwarePath = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/keystone.boot/raw"

    /// systemd's copy where the agent is a service with that credential, else the firmware's own.
    public static var defaultPath: String {
        guard let directory = getenv("CREDENTIALS_DIRECTORY") else { return firmwarePath }
        return String(cString: directory) + "/keystone.boot"
    }
}
