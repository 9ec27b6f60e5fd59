import AgentProtocol
import Glibc
import LinuxSystem

/// Writes the SSH keys into the user's `authorized_keys`, in a block of its own: keys added by hand stay. The folder and the
/// file get the modes that sshd asks for (StrictModes, sshd_config(5)).
///
/// Done with the rights of the user, and by descriptor: what he planted in his home leads nothing elsewhere.
enum KeysStep {
    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        var lines: [String] = []
        for (index, text) in request.authorizedKeys.enumerated() {
            lines.append(try AuthorizedKey(text, line: index + 1).text)
        }
        let user = try guest.user(request)
        let home = try GuestFolder(guest.root(user.home))
        return try ProvisionedGuest.asUser(user) { () throws(StepFailure) in try write(lines, home) }
    }

    private static func write(
        _ lines: [String], _ home: borrowing GuestFolder
    ) throws(StepFailure) -> StepOutcome {
        var outcome = StepOutcome()
        let hasFolder = try home.status(".ssh") != nil
        if lines.isEmpty, !hasFolder { return .unchanged }
        if !hasFolder { outcome.changed = try home.makeFolder(".ssh", mode: 0o700) }
        let folder = try home.folder(".ssh")
        if try folder.status().st_mode & 0o7777 != 0o700 {
            try folder.setMode(0o700)
            outcome.changed = true
        }
        let file = "authorized_keys"
        let text = try folder.read(file)
        let better = try ManagedBlock.numberSign.replacing(in: text ?? [], with: lines, file: "authorized_keys")
        if text == nil, better.isEmpty { return outcome }
        // A change of mode alone is also written anew: by name it would follow a link.
        let mode = try folder.status(file)?.st_mode ?? 0
        if better != text || mode & 0o7777 != 0o600 {
            try folder.replace(file, with: better, mode: 0o600, keepsMode: false)
            outcome.changed = true
            outcome.note("\(lines.count) keys are in authorized_keys.")
        }
        return outcome
    }
}
