import AgentProtocol
import Glibc
import LinuxSystem

/// Gives the guest its machine id (machine-id(5)): 32 lower-case hexadecimal digits and a newline.
///
/// Where /etc can't be written, systemd keeps the id of this boot in /run/machine-id, bound over the other; so do we, and
/// write it in place: the bind mount shows the file, not the name.
enum MachineIDStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        guard let id = request.machineID, id.contains(where: { $0 != 0 }) else {
            throw StepFailure("The request has no machine id, or one of zeros, which means none")
        }
        let text = text(id)
        let etc = try GuestFolder(guest.root("/etc"), followsLink: true)
        if (try? etc.read("machine-id")) == text { return .unchanged }
        let reason: String
        do throws(StepFailure) {
            try etc.replace("machine-id", with: text, mode: 0o444)
            return .done("The machine id was set.")
        } catch {
            reason = error.reason
        }
        let path = guest.root("/run/machine-id")
        let note = "It is in /run/machine-id only: \(reason)."
        if (try? SmallFile.read(path, limit: 64)) == text { return StepOutcome(notes: [note]) }
        try StepFailure.wrapping { () throws(SystemError) in
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o444)
            try file.writeAll(text)
            guard ftruncate(file.rawValue, off_t(text.count)) == 0 else { throw SystemError("write \(path)") }
        }
        return .done(note)
    }

    private static func text(_ id: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return id.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] } + [UInt8(ascii: "\n")]
    }
}
