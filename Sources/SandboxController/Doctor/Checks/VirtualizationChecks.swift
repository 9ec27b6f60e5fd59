import FoundationEssentials
import Glibc

/// Whether guests run on the processor itself, and whether they may have guests of their own.
enum VirtualizationChecks {
    private static let slow = "Sandboxes are emulated instead: they work, 10 to 50 times slower."

    static func kvm(_ host: DoctorHost) -> Finding {
        let device = host.root + "/dev/kvm"
        let choice = AcceleratorChoice.choose(evidence: host.accelerators)
        if choice.kind == .kvm { return .ok("kvm", "/dev/kvm opens and the processor can virtualize") }
        let flags = host.processorFlags
        guard let module = module(flags) else {
            let what =
                "the processor shows neither vmx nor svm"
                + (host.exists("/dev/kvm") ? ", though there is a /dev/kvm" : "")
            // A machine's own processor hides them in its firmware; a virtual one's host does.
            let fix =
                flags.contains("hypervisor")
                ? "This host is a virtual machine: let its own host give it a processor with virtualization (nested=1 for kvm_intel or kvm_amd, and -cpu host)"
                : "Switch on VT-x or AMD-V (SVM) in the firmware's settings, then boot again"
            return .warning("kvm", what, slow, fix: fix)
        }
        guard host.exists("/dev/kvm") else {
            return .warning("kvm", "there is no /dev/kvm", slow, fix: "\(host.asRoot)modprobe \(module)")
        }
        guard access(device, R_OK | W_OK) != 0 else {
            return .warning(
                "kvm", PrintableText.escaped(choice.reason), slow,
                fix: "\(host.asRoot)modprobe -r \(module) && \(host.asRoot)modprobe \(module)")
        }
        return .warning(
            "kvm", "/dev/kvm may not be opened by this user", slow,
            fix: "sudo usermod -aG \(group(of: device)) $USER, then log in again")
    }

    static func nested(_ host: DoctorHost) -> Finding {
        guard let module = module(host.processorFlags), host.exists("/sys/module/\(module)") else {
            return .note(
                "nested", "no KVM module is loaded here",
                "Guests can run virtual machines of their own by emulation only.")
        }
        guard ["1", "Y"].contains(host.text("/sys/module/\(module)/parameters/nested") ?? "") else {
            return .note(
                "nested", "\(module) is loaded without nested=1",
                "Guests can run virtual machines of their own by emulation only.",
                fix:
                    "echo 'options \(module) nested=1' | \(host.asRoot)tee /etc/modprobe.d/\(module).conf, then load the module again or boot"
            )
        }
        return .ok("nested", "\(module) lets guests have guests")
    }

    private static func module(_ flags: Set<Substring>) -> String? {
        flags.contains("vmx") ? "kvm_intel" : flags.contains("svm") ? "kvm_amd" : nil
    }

    private static func group(of path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0, status.st_gid != 0 else { return "kvm" }
        return AccountNames.group(status.st_gid).map(PrintableText.escaped) ?? "kvm"
    }
}
