import Foundation
import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// Monitors in transient units of a real systemd user manager: the guest is the host here, and what stands for QEMU in
    /// it only waits.
    @Suite(.enabled(if: TestGuest.current == .systemd), .serialized) struct SystemdUnits {
        private static let kit = "/workspace/kit"
        private let guest: SystemdSandbox

        init() throws {
            guest = try SystemdSandbox.get()
            guard access(guest.sandbox.project.path("kit"), F_OK) != 0 else { return }
            try Self.makeKit(in: guest.sandbox.project)
            let manager = try guest.asRoot("loginctl enable-linger sandbox && systemctl start user@$(id -u sandbox)")
            let image = try inside("$keystone image import \(Self.kit)/image")
            guard manager.code == 0, image.code == 0 else { throw Complaint("\(manager) \(image)") }
        }

        private static func makeKit(in project: Project) throws {
            let (place, programs) = (project.path("kit"), try Room.shared().programs)
            try HostProgram.run(["mkdir", "-p", place + "/image"])
            try HostProgram.run(["cp", programs + "/keystone", programs + "/keystone-vhost-vsock", place])
            // Nothing in it is ever run: this QEMU boots nothing.
            try Images.write("waiting", in: place + "/image")
            let version = "[ \"$1\" != --version ] || exec echo QEMU emulator version 7.2.0"
            let machine = "#!/bin/sh\n\(version)\nexec sleep 3600\n"
            try project.write("kit/qemu", Array(machine.utf8), mode: 0o755)
            // `begin NAME` starts one and tells its unit as soon as all its processes run.
            let functions = """
                export XDG_RUNTIME_DIR=/run/user/$(id -u) KEYSTONE_QEMU=\(kit)/qemu
                keystone="\(kit)/keystone agent --state-dir $HOME/inner"
                begin() {
                    mkdir -p ~/project; mkfifo ~/"$1"
                    setsid $keystone start --no-git --no-attach --name "$1" --network none --accel tcg --memory 1024 \\
                        --memory-limit 1500M --timeout 3600s ~/project >~/"$1" 2>&1 </dev/null &
                    grep -q 'booting the guest' ~/"$1"
                    unit=$(systemctl --user list-units --plain --no-legend "keystone-$1-*" | cut -d' ' -f1)
                    group=/sys/fs/cgroup$(systemctl --user show -P ControlGroup "$unit")
                }

                """
            try project.write("kit/functions", Array(functions.utf8))
            try HostProgram.run(["chmod", "-R", "a+rX", project.path("kit")])
        }

        private func inside(_ script: String) throws -> Finished {
            try guest.sandbox.shell(". \(Self.kit)/functions; " + script, within: 120)
        }

        @Test func theUnitHoldsTheWholeSandboxAndStopsItInOrder() throws {
            let begun = try inside(
                """
                begin held
                for process in $(cat $group/cgroup.procs); do cat /proc/$process/comm; done
                cat $group/memory.max
                systemctl --user show -P KillMode $unit; systemctl --user show -P Slice $unit
                cat /proc/$(systemctl --user show -P MainPID $unit)/comm
                """)
            let expected = [
                "keystone", "keystone-vhost-", "sleep", "\(1500 << 20)", "control-group", "keystone.slice", "keystone",
            ]
            #expect(begun.lines == expected, "\(begun)")
            let ended = try inside(
                """
                systemctl --user stop "keystone-held-*"; test -e $group; echo $?
                systemctl --user list-units --all --plain --no-legend 'keystone-*.service'
                $keystone list; $keystone events held | tail -n 1; ls ~/inner/sandboxes/held/state
                """)
            #expect(ended.text.contains("stopped") && ended.text.contains("ended by a signal"), "\(ended)")
            #expect(!ended.text.contains(".sock") && !ended.text.contains(".service"), "\(ended)")
        }

        @Test func whatAKilledMonitorLeavesIsEndedByTheManager() throws {
            let killed = try inside(
                """
                begin killed
                set -- $(cat $group/cgroup.procs); echo $#
                kill -9 $(systemctl --user show -P MainPID $unit)
                for process; do timeout 60 tail --pid=$process -s 0.1 -f /dev/null || echo $process lives; done
                $keystone list; $keystone start --no-git --no-attach --name killed --memory-limit none --timeout 1s ~/project
                systemctl --user list-units --all --plain --no-legend 'keystone-*.service'
                """)
            #expect(killed.lines.first == "3" && !killed.text.contains("lives"), "\(killed)")
            #expect(killed.text.contains("killed  error") && !killed.text.contains(".service"), "\(killed)")
            // The next start is one like any other.
            #expect(killed.errorText.contains("did not report within 1 s"), "\(killed)")
        }
    }
}
