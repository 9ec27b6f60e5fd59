import AgentProtocol
import Glibc
import LinuxSystem

/// Names the guest: the kernel's name, `/etc/hostname` for the next boot, and a line in `/etc/hosts` so that the name
/// resolves without a network (hostname(5), hosts(5)).
enum HostnameStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        guard let name = request.hostname else { throw StepFailure("The request tells no name") }
        guard isValid(name) else {
            throw StepFailure("A host name of 1 to 64 letters, digits, dots and dashes was expected")
        }
        var outcome = StepOutcome()
        let old = guest.machine.hostName()
        if old != name {
            try StepFailure.wrapping { () throws(SystemError) in try guest.machine.setHostName(name) }
            outcome = .done("The guest's name is \(name).")
        }
        // The machine has its name now, so files that can't be written are worth a note and no more.
        do throws(StepFailure) {
            let etc = try GuestFolder(guest.root("/etc"), followsLink: true)
            let text = Array("\(name)\n".utf8)
            if try etc.read("hostname") != text {
                try etc.replace("hostname", with: text, mode: 0o644)
                outcome.changed = true
            }
        } catch {
            outcome.note("Only until the next boot: \(error.reason).")
        }
        do throws(StepFailure) {
            let etc = try GuestFolder(guest.root("/etc"), followsLink: true)
            let text = try etc.read("hosts") ?? Array("127.0.0.1 localhost\n::1 localhost\n".utf8)
            if let better = hosts(text, naming: name, insteadOf: old) {
                try etc.replace("hosts", with: better, mode: 0o644)
                outcome.changed = true
            }
        } catch {
            outcome.note("The name may not resolve in the guest: \(error.reason).")
        }
        return outcome
    }

    /// Labels of RFC 1123, in 64 bytes: more is refused by sethostname(2).
    static func isValid(_ name: String) -> Bool {
        guard (1...64).contains(name.utf8.count) else { return false }
        return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            let dash = UInt8(ascii: "-")
            return !label.isEmpty && label.first != dash && label.last != dash
                && label.allSatisfy { byte in
                    switch byte {
                    case dash, UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "A")...UInt8(ascii: "Z"):
                        true
                    default: false
                    }
                }
        }
    }

    /// - Returns: nil when the name is in the text already.
    static func hosts(_ text: [UInt8], naming name: String, insteadOf old: String) -> [UInt8]? {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        func words(_ line: ArraySlice<UInt8>) -> [String] {
            line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
                .map { String(decoding: $0, as: UTF8.self) }
        }
        if lines.contains(where: { words($0).dropFirst().contains(name) }) { return nil }
        // The line that an earlier name of ours left.
        lines.removeAll { words($0) == ["127.0.1.1", old] }
        lines.append(Array("127.0.1.1 \(name)".utf8)[...])
        return lines.flatMap { $0 + [UInt8(ascii: "\n")] }
    }
}
