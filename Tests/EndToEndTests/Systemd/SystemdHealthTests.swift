import Foundation
import LinuxSystem
import Testing

extension EndToEnd {
    /// What systemd says of its units reaches the host by itself.
    @Suite(.enabled(if: TestGuest.current == .systemd)) struct SystemdHealth {
        let guest: SystemdSandbox
        var sandbox: TestSandbox { guest.sandbox }
        init() throws { guest = try SystemdSandbox.get() }

        @Test func aUnitThatFailsMakesTheGuestDegradedUntilItIsReset() throws {
            let watch = try sandbox.keystone.begin(["health", sandbox.name, "--watch"])
            try watch.wait(forOutput: "services")
            _ = try guest.asRoot("systemd-run --unit=keystone-broken sh -c 'exit 3'")
            try watch.wait(forOutput: "degraded: keystone-broken.service failed")
            let nagios = try sandbox.keystone.agent("health", sandbox.name)
            #expect(nagios.code == 1, "\(nagios)")
            _ = try guest.asRoot("systemctl reset-failed keystone-broken; systemd-run --unit=keystone-fine sleep 1000")
            try watch.wait(forOutput: "\(sandbox.name) healthy\n")
            try watch.wait(forOutput: "service up: keystone-fine.service")
            _ = try guest.asRoot("systemctl stop keystone-fine")
            try watch.wait(forOutput: "service down: keystone-fine.service")
        }

        @Test func theReporterFindsSystemdAgainAfterItsOwnRestart() throws {
            let watch = try sandbox.keystone.begin(["health", sandbox.name, "--watch"])
            try watch.wait(forOutput: "services")
            _ = try guest.asRoot("systemctl daemon-reexec")
            // Until the reporter looks again, at most five seconds later, nobody tells it; then it lists anew.
            _ = try guest.asRoot("systemd-run --unit=keystone-later sleep 1000")
            try watch.wait(forOutput: "service up: keystone-later.service")
            _ = try guest.asRoot("systemctl stop keystone-later")
        }
    }
}
