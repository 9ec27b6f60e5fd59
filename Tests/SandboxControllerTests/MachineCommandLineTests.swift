import Foundation
import Testing

@testable import SandboxController

@Suite struct MachineCommandLineTests {
    private func machine(_ change: (inout MachineConfiguration) -> Void = { _ in }) -> MachineConfiguration {
        let file = ImageManifest.File(path: "vmlinux", sha256: "")
        let manifest = ImageManifest(
            name: "minimal", architecture: "x86_64", kernel: file, initrd: .init(path: "initramfs.cpio", sha256: ""),
            commandLine: ["rdinit=/init"], disks: [], features: [], description: "", id: "id")
        var machine = MachineConfiguration(
            name: "box", image: Image(folder: "/images/id", manifest: manifest), memoryMebibytes: 2048, processors: 3,
            nested: true, accelerator: .tcg, shares: [.init(path: "/work/project", security: .none)], network: .user,
            descriptors: .init(vsock: 3, control: 4, console: 5, credential: 6), firmware: "/roms/qboot.rom",
            keepsStaleCode: false)
        change(&machine)
        return machine
    }

    private func value(_ option: String, _ arguments: [String]) -> String? {
        arguments.firstIndex(of: option).map { arguments[$0 + 1] }
    }

    private func arguments(_ change: (inout MachineConfiguration) -> Void = { _ in }) throws -> [String] {
        try MachineCommandLine.arguments(machine(change))
    }

    @Test func theKernelsVsockIsGivenByItsDescriptor() throws {
        let line = try arguments { $0.vsock = .kernel(guestCID: 70_000) }
        #expect(line.contains("vhost-vsock-pci,guest-cid=70000,vhostfd=3"))
        #expect(!line.contains { $0.contains("vhost-user") })
    }

    @Test func theWholeLineOfAnOrdinaryMachine() throws {
        let seccomp = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
        let type =
            "q35,memory-backend=memory,sata=off,smbus=off,usb=off,vmport=off,graphics=off,i8042=off,hpet=off,accel=tcg"
        let network = "keystone.ipv4=10.0.2.15/24,10.0.2.2,10.0.2.3"
        let kernel =
            "console=ttyS0 quiet panic=-1 hostname=box mitigations=off \(network) rdinit=/init"
        #expect(
            try arguments() == [
                "-name", "keystone-box", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine",
                type,
                "-bios", "/roms/qboot.rom", "-cpu", "max,-erms,-fsrm", "-smp", "3", "-m", "2048M",
                "-object", "memory-backend-memfd,id=memory,size=2048M,share=on",
                "-kernel", "/images/id/vmlinux", "-initrd", "/images/id/initramfs.cpio", "-append", kernel,
                "-chardev", "socket,id=control,fd=4", "-mon", "chardev=control,mode=control", "-add-fd", "set=1,fd=5",
                "-chardev", "file,id=console,path=/dev/fdset/1,append=on", "-device", "isa-serial,chardev=console",
                "-fw_cfg", "name=opt/io.systemd.credentials/keystone.boot,file=/proc/self/fd/6",
                "-chardev", "socket,id=vsock,fd=3", "-device", "vhost-user-vsock-pci,chardev=vsock",
                "-fsdev", "local,id=share0,path=/work/project,security_model=none,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=share0,mount_tag=workspace", "-netdev", "user,id=network",
                "-device", "virtio-net-pci,netdev=network,romfile=", "-device", "virtio-rng-pci", "-sandbox", seccomp,
            ])
    }

    @Test func aMachineIdIsThereFromTheFirstMoment() throws {
        let id = "0123456789abcdef0123456789abcdef"
        let line = try #require(value("-append", try arguments { $0.machineID = id }))
        #expect(line.contains(" hostname=box systemd.machine_id=\(id) "), "\(line)")
    }

    @Test(arguments: [
        ("/a b/c", "/a b/c"), ("/a,b,,c", "/a,,b,,,,c"), ("/größe/日本", "/größe/日本"),
        ("/x,readonly=on", "/x,,readonly=on"),
        ("/a=b'\"$(c)\\", "/a=b'\"$(c)\\"), ("/trailing,", "/trailing,,"),
    ])
    func aSharedPathStaysOneValue(_ path: String, _ written: String) throws {
        let line = try arguments { $0.shares = [.init(path: path, security: .mapped)] }
        #expect(value("-fsdev", line) == "local,id=share0,path=\(written),security_model=mapped-xattr,multidevs=remap")
    }

    @Test func networksDifferInDeviceAndKernelParameter() throws {
        let none = try arguments { $0.network = .none }
        #expect(
            !none.contains("-netdev") && !none.contains { $0.contains("virtio-net") || $0.contains("keystone.ipv4") })
        let tap = try arguments { $0.network = .tap(descriptor: 9) }
        #expect(value("-netdev", tap) == "tap,id=network,fd=9,vhost=off")
        #expect(value("-append", tap)?.contains("keystone.dhcp") == true)
    }

    @Test func theProcessorFollowsAcceleratorAndNesting() throws {
        #expect(try value("-cpu", arguments { $0.accelerator = .kvm }) == "host")
        #expect(try value("-cpu", arguments { ($0.accelerator, $0.nested) = (.kvm, false) }) == "host,-vmx,-svm")
        #expect(try value("-cpu", arguments { $0.nested = false }) == "max,-erms,-fsrm,-vmx,-svm")
        // A processor that does speculate keeps its kernel's protections.
        #expect(try value("-append", arguments { $0.accelerator = .kvm })?.contains("mitigations") == false)
        #expect(throws: ControllerError.self) { try arguments { $0.processors = 0 } }
        #expect(throws: ControllerError.self) { try arguments { $0.processors = 256 } }
    }

    @Test func oneProcessorBootsWhereAnotherWouldKeepStaleCode() throws {
        func kernel(_ change: (inout MachineConfiguration) -> Void) throws -> String {
            try #require(value("-append", try arguments(change)))
        }
        #expect(
            try kernel { $0.keepsStaleCode = true }.contains(" cgroup.memory=nokmem,nosocket maxcpus=1 noreplace-smp "))
        let single = try kernel { ($0.keepsStaleCode, $0.processors) = (true, 1) }
        #expect(single.contains(" cgroup.memory=nokmem,nosocket ") && !single.contains("maxcpus"), "\(single)")
        for other in [
            try kernel { $0.keepsStaleCode = false }, try kernel { ($0.keepsStaleCode, $0.accelerator) = (true, .kvm) },
        ] { #expect(!other.contains("maxcpus") && !other.contains("nokmem"), "\(other)") }
    }

    @Test func disksAreReadOnlyAndInOrder() throws {
        let line = try arguments { machine in
            var manifest = machine.image.manifest
            manifest.disks = ["a,1", "b"].map { .init(file: .init(path: $0, sha256: ""), format: "raw") }
            machine.image = Image(folder: "/i", manifest: manifest)
        }
        let disks = line.filter { $0.hasPrefix("driver=raw") }
        #expect(
            disks == [
                "driver=raw,node-name=disk0,read-only=on,file.driver=file,file.filename=/i/a,,1",
                "driver=raw,node-name=disk1,read-only=on,file.driver=file,file.filename=/i/b",
            ])
    }

    @Test func aKernelCommandLineThatLinuxWouldCutIsRefused() throws {
        #expect(throws: ControllerError.self) {
            try arguments { machine in
                var manifest = machine.image.manifest
                manifest.commandLine = Array(repeating: "parameter=value", count: 200)
                machine.image = Image(folder: "/i", manifest: manifest)
            }
        }
    }

    @Test func anotherArchitectureIsToldAtOnce() throws {
        #expect(throws: ControllerError.self) {
            try arguments { machine in
                var manifest = machine.image.manifest
                manifest.architecture = "aarch64"
                machine.image = Image(folder: "/i", manifest: manifest)
            }
        }
    }

    @Test func noCredentialNoEntryAndNoFirmwareQemusOwn() throws {
        let line = try arguments { ($0.descriptors.credential, $0.firmware) = (nil, nil) }
        #expect(!line.contains("-fw_cfg") && !line.contains("-bios"))
    }
}
