import FoundationEssentials
import Glibc
import LinuxSystem

/// This host as the checks see it; a made-up one in tests.
public struct DoctorHost: Sendable {
    public var directory: StateDirectory
    public var environment: [String: String]
    /// Put before `/proc`, `/sys`, `/dev`, `/etc` and `/run`: nothing on a real host.
    var root = ""
    var userID = geteuid()

    public init(directory: StateDirectory, environment: [String: String]) {
        self.directory = directory
        self.environment = environment
    }

    /// The text of a small file of the system, without white space around it; nil when it can't be read.
    func text(_ path: String) -> String? {
        guard let bytes = try? SmallFile.read(root + path, limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self).trimmed
    }

    func number(_ path: String) -> Int? { text(path).flatMap { Int($0) } }
    func exists(_ path: String) -> Bool { access(root + path, F_OK) == 0 }

    func names(in path: String) -> [String] { (try? SmallFile.names(in: root + path)) ?? [] }

    /// To stand before a command that only root may run.
    var asRoot: String { userID == 0 ? "" : "sudo " }

    var distribution: Distribution { Distribution(release: text("/etc/os-release") ?? "") }

    var accelerators: AcceleratorChoice.Evidence {
        .init(device: root + "/dev/kvm", processorInformation: root + "/proc/cpuinfo")
    }

    /// What `config.json` asks for; the defaults where it is broken, which a check of its own tells.
    var defaults: SandboxSettings {
        let configuration = (try? Configuration.read(environment: environment)) ?? Configuration()
        let layer = (try? SettingsLayer(environment: environment)) ?? SettingsLayer()
        return SettingsLayer.resolve(
            flags: SettingsLayer(), environment: layer, existing: nil, configuration: configuration.settings)
    }

    /// Words of a flag line of `/proc/cpuinfo`.
    var processorFlags: Set<Substring> {
        let line = (text("/proc/cpuinfo") ?? "").split(separator: "\n").first { $0.hasPrefix("flags") }
        return Set(line?.split(separator: " ") ?? [])
    }
}
