import Glibc
import LinuxSystem

/// The loopback interface, and the first other one as the kernel parameters say.
enum NetworkSetup {
    /// `keystone.ipv4=10.0.2.15/24,10.0.2.2,10.0.2.3`: address and prefix, gateway, name server; the last two may miss.
    struct Static: Equatable {
        var address: UInt32
        var netmask: UInt32
        var gateway: UInt32
        var nameServer: String?

        /// Addresses in network byte order. - Returns: nil when the text is of another form.
        init?(_ text: String) {
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let local = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= 3, local.count == 2, let prefix = Int(local[1]), (0...32).contains(prefix),
                let address = Static.parse(local[0])
            else { return nil }
            self.address = address
            netmask = (prefix == 0 ? 0 : UInt32.max << UInt32(32 - prefix)).bigEndian
            gateway = 0
            if parts.count > 1, !parts[1].isEmpty {
                guard let value = Static.parse(parts[1]) else { return nil }
                gateway = value
            }
            if parts.count > 2, !parts[2].isEmpty {
                guard Static.parse(parts[2]) != nil else { return nil }
                nameServer = parts[2]
            }
        }

        private static func parse(_ text: String) -> UInt32? {
            var address = in_addr()
            return inet_pton(AF_INET, text, &address) == 1 ? address.s_addr : nil
        }
    }

    static func configure(_ parameters: KernelParameters) {
        attempt { () throws(SystemError) in try Machine.configureInterface("lo", address: 0, netmask: 0, gateway: 0) }
        let wanted = parameters.value("keystone.ipv4")
        guard wanted != nil || parameters.has("keystone.dhcp") else { return }
        guard let interface = (try? SmallFile.names(in: "/sys/class/net"))?.first(where: { $0 != "lo" }) else {
            return InitLog.say("there is no network interface")
        }
        guard let wanted else { return startDHCP(on: interface) }
        guard let settings = Static(wanted) else {
            return InitLog.say("keystone.ipv4=\(wanted) is not ADDRESS/PREFIX,GATEWAY,DNS")
        }
        attempt { () throws(SystemError) in
            try Machine.configureInterface(
                interface, address: settings.address, netmask: settings.netmask, gateway: settings.gateway)
            if let server = settings.nameServer {
                try SmallFile.write("/etc/resolv.conf", "nameserver \(server)\n", flags: O_WRONLY | O_CREAT | O_TRUNC)
            }
        }
    }

    /// In the background: an address that comes late must not hold up the hello.
    private static func startDHCP(on interface: String) {
        var request = SpawnRequest(
            candidates: ["/bin/busybox", "/usr/bin/busybox"], arguments: ["udhcpc", "-f", "-S", "-i", interface],
            environment: ["PATH=\(CommandEnvironment.standardPath)"], descriptors: [0, 1, 2])
        request.session = .session(controllingTerminal: false)
        attempt { () throws(SystemError) in
            try Machine.configureInterface(interface, address: 0, netmask: 0, gateway: 0)
        }
        do throws(SpawnError) { _ = try ChildProcess.spawn(request) } catch { InitLog.say("udhcpc: \(error)") }
    }

    private static func attempt(_ body: () throws(SystemError) -> Void) {
        do throws(SystemError) { try body() } catch { InitLog.say("\(error)") }
    }
}
