import AgentProtocol
import Glibc
import GuestAgent
import LinuxSystem
import VsockTransport

/// The least that a boot can take: as PID 1, with the modules that vsock needs, dial the host and send one byte.
enum DialOut {
    static func run() -> Never {
        SystemMounts.mountEarly()
        ModuleList.load(ModuleList.current().early) { Probe.say("probe: \($0)\n", to: 2) }
        do {
            let host = VsockAddress.vsock(cid: Ports.hostCID)
            let connection = try VsockTransport.dial(host, port: Ports.report, deadline: .after(milliseconds: 10_000))
            try connection.sendAll([0x2E], deadline: .after(milliseconds: 10_000))
            // Until the host has it and goes.
            _ = try connection.readAll(limit: 16, deadline: .after(milliseconds: 10_000))
        } catch {
            Probe.say("probe: \(error)\n", to: 2)
        }
        if access("/sys/firmware/acpi", F_OK) == 0 { Machine.powerOff() }
        Machine.restart()
        while true { pause() }
    }
}
