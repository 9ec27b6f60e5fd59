import FoundationEssentials
import Glibc

/// Memory and disk.
enum RoomChecks {
    /// MiB below which an image build, whose parts and result take some 150, may not fit.
    private static let comfortableDisk = 512

    static func memory(_ host: DoctorHost) -> Finding {
        let wanted = host.defaults.memoryMebibytes
        guard let memory = Preflight.Memory.read(host.root + "/proc/meminfo") else {
            return .note("memory", "/proc/meminfo can't be read", "Whether a sandbox fits is not known.")
        }
        let shown =
            "\(MemorySize.text(mebibytes: memory.available)) of \(MemorySize.text(mebibytes: memory.total)) are free"
        do throws(ControllerError) {
            guard try Preflight.checkMemory(wanted, host: memory) != nil else { return .ok("memory", shown) }
            return .note(
                "memory", shown,
                "A sandbox may take up to \(MemorySize.text(mebibytes: wanted)); it takes memory as it uses it.",
                fix:
                    "keystone agent start --memory \(max(SandboxSettings.minimumMemoryMebibytes, memory.available / 2))"
            )
        } catch {
            let meaning =
                "A sandbox as config.json and the defaults make it (\(MemorySize.text(mebibytes: wanted))) can't start."
            let fits = max(SandboxSettings.minimumMemoryMebibytes, memory.total / 2)
            let fix =
                wanted > memory.total
                ? "keystone agent start --memory \(fits), or \"memory\": \(fits) in config.json"
                : "Stop another sandbox or program first"
            return .missing("memory", shown, meaning, fix: fix)
        }
    }

    static func disk(_ host: DoctorHost) -> Finding {
        let place = PrintableText.escaped(host.directory.root)
        guard let free = Preflight.freeMebibytes(host.directory.root) else {
            return .note("disk", "the free space at \(place) can't be read", "Whether images fit is not known.")
        }
        let shown = "\(MemorySize.text(mebibytes: free)) are free at \(place)"
        let fix =
            "Free some space (keystone agent prune), or use another disk with --state-dir or KEYSTONE_AGENT_STATE_DIR"
        if free < 64 {
            return .missing("disk", shown, "A sandbox keeps its state and logs there, and needs 64 MiB.", fix: fix)
        }
        if free < comfortableDisk {
            return .warning("disk", shown, "An image may not fit.", fix: fix)
        }
        return .ok("disk", shown)
    }
}
