import FoundationEssentials
import Glibc
import LinuxSystem

/// Whether the machine runs on the processor itself or is emulated, decided by evidence.
public struct AcceleratorChoice: Equatable, Sendable {
    public let kind: SandboxSettings.Accelerator
    /// Why, for people.
    public let reason: String
    /// One sentence when it will be slow or was forced against the evidence.
    public let warning: String?

    /// What the choice rests on; other paths in tests.
    public struct Evidence: Sendable {
        public var device: String
        public var processorInformation: String
        public init(device: String = "/dev/kvm", processorInformation: String = "/proc/cpuinfo") {
            self.device = device
            self.processorInformation = processorInformation
        }
    }

    /// KVM only when `/dev/kvm` opens for reading and writing **and** the processor has `vmx` or `svm`: on some hosts
    /// the device opens (through a paravirtual KVM) and stock guests hang.
    /// - Parameter override: what the user asked for, taken as it is.
    public static func choose(
        override: SandboxSettings.Accelerator? = nil, evidence: Evidence = Evidence()
    ) -> AcceleratorChoice {
        let obstacle = obstacleToKVM(evidence)
        switch override {
        case .tcg: return AcceleratorChoice(kind: .tcg, reason: "asked for", warning: nil)
        case .kvm:
            let warning = obstacle.map { "KVM was asked for although \($0), so the machine may not start." }
            return AcceleratorChoice(kind: .kvm, reason: "asked for", warning: warning)
        case nil:
            guard let obstacle else {
                return AcceleratorChoice(
                    kind: .kvm, reason: "\(evidence.device) opens and the processor can virtualize", warning: nil)
            }
            return AcceleratorChoice(
                kind: .tcg, reason: obstacle,
                warning: "No KVM, because \(obstacle): the sandbox is emulated and ten times slower.")
        }
    }

    private static func obstacleToKVM(_ evidence: Evidence) -> String? {
        do throws(SystemError) {
            _ = try FileDescriptor.open(evidence.device, O_RDWR | O_NONBLOCK)
        } catch {
            return switch error.code {
            case ENOENT, ENODEV, ENXIO: "there is no \(evidence.device)"
            case EACCES, EPERM: "\(evidence.device) may not be opened by this user (join its group, usually kvm)"
            default: "\(evidence.device) cannot be opened (\(error.reason))"
            }
        }
        let text = (try? String(contentsOfFile: evidence.processorInformation, encoding: .utf8)) ?? ""
        let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
        return flags.contains("vmx") || flags.contains("svm") ? nil : "the processor shows neither vmx nor svm"
    }
}
