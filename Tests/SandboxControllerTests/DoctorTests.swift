import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct DoctorTests {
    /// A host made of files.
    private final class Host {
        let path = "/tmp/keystone-doctor-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        var view: DoctorHost

        init() throws {
            mkdir(path, 0o700)
            view = DoctorHost(
                directory: StateDirectory(root: path + "/state"),
                environment: ["HOME": path + "/home", "PATH": path + "/bin"])
            view.root = path
            try put("/proc/cpuinfo", "processor : 0\nflags : fpu vmx\n")
            try put("/proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\n")
            try put("/proc/sys/kernel/osrelease", "6.1.0-56-amd64\n")
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func put(_ file: String, _ text: String, mode: mode_t = 0o644) throws {
            let url = URL(fileURLWithPath: path + file)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
            chmod(url.path, mode)
        }
    }

    @Test func everyCheckHasANameOfItsOwnAndSaysWhatToDo() throws {
        let findings = Doctor(try Host().view).examine()
        #expect(Set(findings.map(\.check)).count == findings.count)
        for finding in findings {
            #expect(!finding.found.isEmpty && !finding.found.hasSuffix("."), "\(finding.check): \(finding.found)")
            if finding.level == .ok {
                #expect(finding.meaning == nil && finding.fix == nil, "\(finding.check)")
            } else {
                #expect(finding.meaning?.hasSuffix(".") == true, "\(finding.check)")
            }
            if finding.level == .missing || finding.level == .warning {
                #expect(finding.fix != nil, "\(finding.check)")
            }
        }
    }

    @Test(arguments: [("5.9.0", Finding.Level.ok), ("6.18.44-fc", .ok), ("5.8.18", .missing), ("4.19", .missing)])
    func anOldKernelIsTold(_ release: String, _ level: Finding.Level) throws {
        let host = try Host()
        try host.put("/proc/sys/kernel/osrelease", release + "\n")
        #expect(KernelCheck.kernel(host.view).level == level)
    }

    @Test func kvmIsToldWithTheReasonThatIsTrue() throws {
        let host = try Host()
        let absent = VirtualizationChecks.kvm(host.view)
        #expect(absent.level == .warning && absent.fix?.hasSuffix("modprobe kvm_intel") == true)
        try host.put("/dev/kvm", "")
        #expect(VirtualizationChecks.kvm(host.view).level == .ok)
        try host.put("/proc/cpuinfo", "flags : fpu hypervisor\n")
        #expect(VirtualizationChecks.kvm(host.view).fix?.contains("nested") == true)
        try host.put("/proc/cpuinfo", "flags : fpu\n")
        #expect(VirtualizationChecks.kvm(host.view).fix?.contains("firmware") == true)
    }

    @Test func nestedNeedsTheModulesParameter() throws {
        let host = try Host()
        #expect(VirtualizationChecks.nested(host.view).level == .note)
        try host.put("/sys/module/kvm_intel/parameters/nested", "N\n")
        #expect(VirtualizationChecks.nested(host.view).fix?.contains("options kvm_intel nested=1") == true)
        try host.put("/sys/module/kvm_intel/parameters/nested", "Y\n")
        #expect(VirtualizationChecks.nested(host.view).level == .ok)
    }

    @Test func qemuIsAskedForTheDevicesOfASandbox() throws {
        let host = try Host()
        host.view.environment["KEYSTONE_QEMU"] = host.path + "/none"
        #expect(QemuCheck.qemu(host.view).level == .missing)
        func qemu(_ devices: String, version: String = "8.2.1") throws {
            try host.put(
                "/bin/qemu",
                "#!/bin/sh\n[ \"$1\" = -device ] && { echo '\(devices)'; exit; }\necho 'QEMU emulator version \(version)'\n",
                mode: 0o755)
            host.view.environment["KEYSTONE_QEMU"] = host.path + "/bin/qemu"
        }
        try qemu(#"name "virtio-net-pci", bus PCI"#)
        let lacking = QemuCheck.qemu(host.view)
        #expect(lacking.level == .missing && lacking.found.contains("vhost-user-vsock-pci"))
        let all = ["vhost-user-vsock-pci", "virtio-9p-pci", "virtio-net-pci", "virtio-rng-pci"].map { "name \"\($0)\"" }
            .joined(separator: " ")
        try qemu(all)
        let whole = QemuCheck.qemu(host.view)
        #expect(whole.level != .missing && whole.meaning?.contains("8.1") != true)
        try host.put("/share/qemu/qboot.rom", "")
        try qemu(all, version: "7.2.22")
        #expect(QemuCheck.qemu(host.view).meaning?.contains("a QEMU before 8.1 can freeze a guest") == true)
    }

    @Test(arguments: [
        ("ID=debian", "apt-get install git"), ("ID=ubuntu\nID_LIKE=debian", "apt-get install git"),
        ("ID=\"fedora\"", "dnf install git"), ("ID=arch", "pacman -S git"), ("ID=nixos", "nix profile install"),
        ("", "package manager"),
    ])
    func theLineToTypeIsTheDistributionsOwn(_ release: String, _ line: String) throws {
        #expect(Distribution(release: release).install(.git, asRoot: "").contains(line))
    }

    @Test func memoryThatIsNotThereIsMissing() throws {
        let host = try Host()
        #expect(RoomChecks.memory(host.view).level == .ok)
        try host.put("/proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 4000000 kB\n")
        #expect(RoomChecks.memory(host.view).level == .note)
        try host.put("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n")
        let small = RoomChecks.memory(host.view)
        #expect(small.level == .missing && small.fix?.contains("--memory 1953") == true, "\(small)")
    }

    @Test func aStateDirectoryThatOthersMayWriteIsRefused() throws {
        let host = try Host()
        #expect(StateChecks.folder(host.view).level == .ok)
        mkdir(host.path + "/state", 0o700)
        #expect(StateChecks.folder(host.view).level == .ok)
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.path + "/state").isEmpty)
        chmod(host.path + "/state", 0o777)
        #expect(StateChecks.folder(host.view).fix == "chmod 700 \(host.path)/state")
        host.view.userID = geteuid() + 1
        #expect(StateChecks.folder(host.view).found.contains("another user"))
    }

    @Test func aBrokenRegistryOrConfigurationIsToldAndLeft() throws {
        let host = try Host()
        try host.put("/state/sandboxes.json", "{")
        #expect(StateChecks.registry(host.view).level == .warning)
        #expect(try String(contentsOfFile: host.path + "/state/sandboxes.json", encoding: .utf8) == "{")
        #expect(StateChecks.configuration(host.view).level == .ok)
        try host.put("/home/.config/keystone/agent/config.json", "{ \"memory\": true }")
        #expect(StateChecks.configuration(host.view).level == .missing)
        try host.put("/home/.config/keystone/agent/config.json", "{ \"memori\": 1 }")
        #expect(StateChecks.configuration(host.view).level == .warning)
    }

    @Test func aUserManagerIsThereWhenItsSocketAnswers() throws {
        let host = try Host()
        let folder = host.path + "/run"
        host.view.environment["XDG_RUNTIME_DIR"] = folder
        #expect(ManagerCheck.userManager(host.view).level == .note)
        try host.put("/run/systemd/private", "")
        #expect(ManagerCheck.userManager(host.view).level == .note, "a file is no manager")
        unlink(folder + "/systemd/private")
        let socket = try UnixSocket.listen(at: folder + "/systemd/private")
        let mute = ManagerCheck.userManager(host.view)
        #expect(mute.level == .note && mute.found.contains("without a message bus"))
        try host.put("/run/bus", "")
        let ends = ManagerCheck.userManager(host.view)
        #expect(ends.level == .warning && ends.fix == "loginctl enable-linger")
        try host.put("/etc/passwd", "other:x:1::/:\nme:x:\(host.view.userID):0::/:/bin/sh\n")
        try host.put("/var/lib/systemd/linger/me", "")
        #expect(ManagerCheck.userManager(host.view).level == .ok)
        _ = consume socket
    }

    @Test func controlGroupsMustBeDelegated() throws {
        let host = try Host()
        #expect(ControlGroupCheck.delegation(host.view).fix?.contains("unified_cgroup_hierarchy") == true)
        try host.put("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
        try host.put("/proc/self/cgroup", "0::/session\n")
        try host.put("/sys/fs/cgroup/session/cgroup.controllers", "pids\n")
        let lacking = ControlGroupCheck.delegation(host.view)
        #expect(
            lacking.level == .note && lacking.found.contains("no cpu") && lacking.fix?.contains("Delegate=") == true)
        try host.put("/sys/fs/cgroup/session/cgroup.controllers", "cpu memory pids\n")
        #expect(ControlGroupCheck.delegation(host.view).level == .ok)
    }

    @Test func lowLimitsOfInotifyAreToldWithTheLineThatRaisesThem() throws {
        let host = try Host()
        try host.put("/proc/sys/fs/inotify/max_user_watches", "8192\n")
        try host.put("/proc/sys/fs/inotify/max_user_instances", "128\n")
        #expect(LimitChecks.inotify(host.view).fix?.contains("fs.inotify.max_user_watches=524288") == true)
        try host.put("/proc/sys/fs/inotify/max_user_watches", "524288\n")
        #expect(LimitChecks.inotify(host.view).level == .ok)
    }
}
