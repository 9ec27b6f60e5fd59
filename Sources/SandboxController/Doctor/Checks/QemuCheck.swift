import LinuxSystem

/// QEMU, and what of it a sandbox uses: distributions split it into packages.
enum QemuCheck {
    /// As `-device help` names them.
    private static let devices = ["vhost-user-vsock-pci", "virtio-9p-pci", "virtio-net-pci", "virtio-rng-pci"]

    static func qemu(_ host: DoctorHost) -> Finding {
        let install = host.distribution.install(.qemu, asRoot: host.asRoot)
        let meaning = "Without it no sandbox can be started."
        let program: QemuProgram
        do throws(ControllerError) {
            program = try QemuProgram.locate(environment: host.environment)
        } catch {
            let failed = Finding.failed("qemu", error, meaning)
            return .missing("qemu", failed.found, meaning, fix: install)
        }
        let shown = "\(PrintableText.escaped(program.path)), version \(PrintableText.escaped(program.version))"
        if let lacking = lacking(program) {
            return .missing(
                "qemu", "\(shown), without \(lacking.joined(separator: ", "))",
                "A sandbox's machine is made with these.",
                fix: install)
        }
        guard program.firmware != nil else {
            return .warning(
                "qemu", "\(shown), without the firmware qboot.rom", "A start takes some 0.6 s longer.", fix: install)
        }
        if program.keepsStaleCode, AcceleratorChoice.choose(evidence: host.accelerators).kind == .tcg {
            return .note(
                "qemu", shown,
                "Without KVM a QEMU before 8.1 can freeze a guest of several processors whose kernel patches its own code.",
                fix: "Use QEMU 8.1 or newer, or --cpus 1")
        }
        return .ok("qemu", shown)
    }

    /// nil when nothing is, or when it doesn't tell.
    private static func lacking(_ program: QemuProgram) -> [String]? {
        let runner = ProgramRunner(path: program.path, arguments: ["-device", "help"])
        guard let outcome = try? runner.run(deadline: .after(milliseconds: 20_000)), outcome.succeeded else {
            return nil
        }
        let known = Set(outcome.text.split(separator: "\"").map(String.init))
        let lacking = devices.filter { !known.contains($0) }
        return lacking.isEmpty ? nil : lacking
    }
}
