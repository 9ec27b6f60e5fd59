import Testing

/// What goes wrong.
enum Fault: String, CaseIterable, Sendable {
    case cli, monitor, device, machine, agent, panic, hang, hostDisk, guestDisk, stateRemoved, clock, suspend

    var title: String {
        switch self {
        case .cli: "CLI, kill -9"
        case .monitor: "monitor, kill -9"
        case .device: "device, kill -9"
        case .machine: "QEMU, kill -9"
        case .agent: "agent, kill -9"
        case .panic: "guest kernel panic"
        case .hang: "guest hangs"
        case .hostDisk: "host disk full"
        case .guestDisk: "guest tmpfs full"
        case .stateRemoved: "state folder removed"
        case .clock: "clock jumps"
        case .suspend: "host suspended"
        }
    }

    /// Of the state `error` that it ends in, where it does.
    var errorCodes: Set<String> {
        switch self {
        case .monitor: ["monitorGone"]
        case .device: ["deviceFailed"]
        case .machine: ["machineFailed"]
        case .panic: ["guestPanicked"]
        case .hang: ["timeout"]
        case .hostDisk: ["noSpace"]
        case .guestDisk: ["agentRefused"]
        default: []
        }
    }

    /// A shell's line for the guest's helper (`ArmedMachine`), which runs as root beside the agent; nil for faults of the host.
    var guestScript: String? {
        switch self {
        // PID 1 runs the same program; the kernel keeps it from this.
        case .agent:
            "for p in /fault/proc/[0-9]*; do [ $p/exe -ef /usr/sbin/keystone-guest-agent ] && kill -9 ${p##*/}; done"
        case .panic: "echo c > /fault/proc/sysrq-trigger"
        // Each is made as small as what is in it, so that no memory has to be filled.
        case .guestDisk:
            "for d in /run /tmp /dev/shm; do set -- $(df -k $d | tail -n 1); mount -o remount,size=$(($3+8))k $d; "
                + "dd if=/dev/zero of=$d/full bs=4k 2>/dev/null; done"
        // Eleven years: far beyond every timer and certificate.
        case .clock: "date -s @$(($(date +%s) + 347155200))"
        default: nil
        }
    }
}

/// What the sandbox is in the middle of.
enum Phase: String, CaseIterable, Sendable {
    case build, boot, hello, provision, idle, exec, stop, destroy

    var title: String { self == .build ? "image build" : self == .exec ? "exec streaming" : rawValue }
    /// Whether `start` is at work.
    var isStart: Bool { [.boot, .hello, .provision].contains(self) }
}

/// One fault at one phase.
struct FaultCell: Hashable, Sendable, CustomTestStringConvertible {
    let phase: Phase
    let fault: Fault

    var testDescription: String { "\(phase.rawValue):\(fault.rawValue)" }

    /// Why there is nothing to try, or nil.
    var senseless: String? {
        switch (phase, fault) {
        case (.build, .cli), (.build, .hostDisk), (.build, .stateRemoved), (.build, .suspend): nil
        case (.build, .clock): "no deadline is kept while an image is built, and this host's clock is not ours to set"
        case (.build, _): "no sandbox runs while an image is built"
        case (.boot, .agent): "the agent has not begun; its death while it says hello is the next row's"
        case (.boot, .guestDisk): "the guest's tmpfs are mounted just before the hello, which is the next row's"
        case (.idle, .cli): "no command runs while a sandbox is idle"
        default: nil
        }
    }

    /// The states that the sandbox may be in afterwards; `gone` where it is not listed.
    var outcomes: Set<String> {
        switch (phase, fault) {
        case (_, .stateRemoved): return ["gone"]
        case (.destroy, .cli): return ["stopped", "gone"]
        case (.destroy, _): return ["gone"]
        case (.stop, .monitor): return ["error"]
        case (.stop, _): return ["stopped"]
        case (_, .monitor), (_, .device), (_, .machine), (_, .panic): return ["error"]
        // Nobody knows when a command in a hung guest goes on, so the cell itself ends the sandbox.
        case (.exec, .hang): return ["stopped"]
        case (_, .hang): return phase.isStart ? ["error"] : ["running"]
        case (_, .hostDisk), (_, .guestDisk): return phase.isStart ? ["running", "error"] : ["running"]
        default: return ["running"]
        }
    }

    static let all = Phase.allCases.flatMap { phase in Fault.allCases.map { FaultCell(phase: phase, fault: $0) } }

    /// Each fault and each phase at least once: what CI has the time for.
    static let short: [FaultCell] = [
        .init(phase: .build, fault: .cli), .init(phase: .boot, fault: .machine), .init(phase: .boot, fault: .panic),
        .init(phase: .hello, fault: .agent), .init(phase: .provision, fault: .device),
        .init(phase: .provision, fault: .suspend), .init(phase: .idle, fault: .stateRemoved),
        .init(phase: .idle, fault: .clock), .init(phase: .exec, fault: .guestDisk), .init(phase: .stop, fault: .hang),
        .init(phase: .stop, fault: .hostDisk), .init(phase: .destroy, fault: .monitor),
    ]
}
