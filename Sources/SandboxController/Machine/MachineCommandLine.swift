/// QEMU's command line: a pure function of a `MachineConfiguration`.
///
/// The machine is a `q35` without what a sandbox never uses, which under TCG boots in a third of a stock one's time
/// (shared/MEASURED.md); not `microvm`, which hung in 14 of 30 boots there. ACPI stays on: it gives more than one
/// processor and a power-off that ends QEMU at once.
public enum MachineCommandLine {
    /// Where the boot credential appears in the guest; systemd imports this prefix by itself.
    public static let credentialName = "opt/io.systemd.credentials/keystone.boot"
    /// x86's COMMAND_LINE_SIZE, with its closing NUL.
    static let kernelCommandLineLimit = 2048
    /// More need an interrupt-remapping IOMMU (x2APIC ids above 254).
    public static let maximumProcessors = 255

    /// - Returns: QEMU's arguments without its own name.
    /// - Throws: `imageBroken` when the kernel's command line is too long, `usage` when the machine cannot be made.
    public static func arguments(_ machine: MachineConfiguration) throws(ControllerError) -> [String] {
        try check(machine)
        return basics(machine) + processor(machine) + memory(machine) + (try boot(machine)) + control(machine)
            + vsock(machine) + machine.shares.enumerated().flatMap(share) + network(machine)
            + machine.image.diskPaths.enumerated().flatMap(disk)
            + [
                "-device", "virtio-rng-pci", "-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            ]
    }

    /// Inside an option's value a comma is written twice (qemu(1)).
    static func escaped(_ value: String) -> String {
        value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }

    private static func check(_ machine: MachineConfiguration) throws(ControllerError) {
        guard machine.image.manifest.architecture == "x86_64" else {
            throw ControllerError(
                .unsupported,
                "The image is for \(machine.image.manifest.architecture), and only x86_64 machines are made.")
        }
        guard (1...maximumProcessors).contains(machine.processors) else {
            throw ControllerError(
                .usage, "A machine may have 1 to \(maximumProcessors) processors, not \(machine.processors).")
        }
    }

    private static func basics(_ machine: MachineConfiguration) -> [String] {
        var type = "q35,memory-backend=memory,sata=off,smbus=off,usb=off,vmport=off,graphics=off,i8042=off,hpet=off"
        type += ",accel=" + machine.accelerator.rawValue
        return [
            "-name", "keystone-" + machine.name, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", type,
        ]
            + (machine.firmware.map { ["-bios", $0] } ?? [])
    }

    private static func processor(_ machine: MachineConfiguration) -> [String] {
        // TCG emulates `rep movsb` byte by byte, and a kernel that sees erms or fsrm copies all its data with it: without
        // them a vsock stream is twice as fast, measured with QEMU 7.2.
        let base = machine.accelerator == .kvm ? "host" : "max,-erms,-fsrm"
        // Disabling a feature that the model lacks changes nothing, so both vendors' names may stand.
        let model = base + (machine.nested ? "" : ",-vmx,-svm")
        return ["-cpu", model, "-smp", "\(machine.processors)"]
    }

    /// Shared, because the vhost-user device maps it: with `share=off` the rings start and no data moves.
    private static func memory(_ machine: MachineConfiguration) -> [String] {
        [
            "-m", "\(machine.memoryMebibytes)M", "-object",
            "memory-backend-memfd,id=memory,size=\(machine.memoryMebibytes)M,share=on",
        ]
    }

    private static func boot(_ machine: MachineConfiguration) throws(ControllerError) -> [String] {
        let line = kernelParameters(machine).joined(separator: " ")
        guard line.utf8.count < kernelCommandLineLimit else {
            throw ControllerError(
                .imageBroken,
                "The kernel's command line would have \(line.utf8.count) characters; Linux reads \(kernelCommandLineLimit - 1)."
            )
        }
        return ["-kernel", machine.image.kernelPath, "-initrd", machine.image.initrdPath, "-append", line]
    }

    /// The image's own parameters come last, so that it has the last word.
    static func kernelParameters(_ machine: MachineConfiguration) -> [String] {
        // A panic ends QEMU (-no-reboot), which the monitor sees; without it the guest would hang for ever.
        var all = ["console=ttyS0", "quiet", "panic=-1", "hostname=\(machine.name)"]
        // Provisioning sets it too, but comes after journald: whose files lie under the id of the boot's first moment, and
        // journalctl shows only those under the present one (systemd(1), "systemd.machine_id=").
        if let id = machine.machineID { all.append("systemd.machine_id=\(id)") }
        // An emulated processor does not speculate, and QEMU does not call TCG a security boundary; retpolines there only
        // cost a jump-cache miss each (a raw vsock stream 603 → 690 MiB/s, exec output 305 → 346).
        if machine.accelerator == .tcg { all.append("mitigations=off") }
        if machine.accelerator == .tcg, machine.keepsStaleCode { all += quietPatching(machine) }
        switch machine.network {
        case .none: break
        // The addresses that QEMU's user-mode network always has: guest, router, name server.
        case .user: all.append("keystone.ipv4=10.0.2.15/24,10.0.2.2,10.0.2.3")
        case .tap: all.append("keystone.dhcp")
        }
        return all + machine.image.manifest.commandLine
    }

    /// A processor that keeps the breakpoint of a patch spins for ever (`QemuProgram.keepsStaleCode`); these keep the kernel
    /// from patching its hottest functions while another one works.
    private static func quietPatching(_ machine: MachineConfiguration) -> [String] {
        // The first memory cgroup, which the agent or systemd makes, patches 26 places (static key memcg_kmem_enabled_key); one
        // in some 250 such patches froze a guest of QEMU 7.2, none in 3,000 with thread=single.
        let memory = ["cgroup.memory=nokmem,nosocket"]
        // The boot itself patches timers, page allocator and interrupts (timer_update_keys and others). Alone the first processor
        // can; the agent switches the others on. The second word keeps that from patching every lock.
        return machine.processors > 1 ? memory + ["maxcpus=1", "noreplace-smp"] : memory
    }

    private static func control(_ machine: MachineConfiguration) -> [String] {
        let descriptors = machine.descriptors
        var all = ["-chardev", "socket,id=control,fd=\(descriptors.control)", "-mon", "chardev=control,mode=control"]
        // A descriptor set lets QEMU write where the monitor says, without a path that could be swapped or escaped.
        all += ["-add-fd", "set=1,fd=\(descriptors.console)"]
        all += ["-chardev", "file,id=console,path=/dev/fdset/1,append=on", "-device", "isa-serial,chardev=console"]
        if let credential = descriptors.credential {
            all += ["-fw_cfg", "name=\(credentialName),file=/proc/self/fd/\(credential)"]
        }
        return all
    }

    private static func vsock(_ machine: MachineConfiguration) -> [String] {
        let descriptor = machine.descriptors.vsock
        switch machine.vsock {
        case .device:
            return ["-chardev", "socket,id=vsock,fd=\(descriptor)", "-device", "vhost-user-vsock-pci,chardev=vsock"]
        case .kernel(let guestCID):
            return ["-device", "vhost-vsock-pci,guest-cid=\(guestCID),vhostfd=\(descriptor)"]
        }
    }

    private static func share(_ index: Int, _ share: MachineConfiguration.Share) -> [String] {
        let security = share.security == .none ? "none" : "mapped-xattr"
        // remap: files of several host devices below one share would otherwise collide in their inode numbers.
        let backend = "local,id=share\(index),path=\(escaped(share.path)),security_model=\(security),multidevs=remap"
        return ["-fsdev", backend, "-device", "virtio-9p-pci,fsdev=share\(index),mount_tag=\(escaped(share.tag))"]
    }

    private static func network(_ machine: MachineConfiguration) -> [String] {
        // Without its boot ROM, which would be loaded and never run.
        let device = ["-device", "virtio-net-pci,netdev=network,romfile="]
        switch machine.network {
        case .none: return []
        case .user: return ["-netdev", "user,id=network"] + device
        case .tap(let descriptor): return ["-netdev", "tap,id=network,fd=\(descriptor),vhost=off"] + device
        }
    }

    private static func disk(_ index: Int, _ path: String) -> [String] {
        let node = "driver=raw,node-name=disk\(index),read-only=on,file.driver=file,file.filename=\(escaped(path))"
        return ["-blockdev", node, "-device", "virtio-blk-pci,drive=disk\(index)"]
    }
}
