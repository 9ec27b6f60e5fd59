import AgentProtocol
import Glibc
import LinuxSystem

/// Gives the sandbox's user the ids of the user whose files the share holds, and makes him who commands run as.
///
/// Collisions are resolved by rule (`AccountPlan`) and told in the note. Each account file is replaced as a whole: shadow
/// first, so that a new user is never without its lock; passwd next, whose accounts then name a group that the group file
/// gets last under the same number when a killed run is run again.
enum UserStep {
    /// Ids below are the system's own (SYS_UID_MAX of login.defs(5)).
    static let systemIDs: UInt32 = 1000

    static func run(_ request: ProvisionRequest, _ guest: ProvisionedGuest) throws(StepFailure) -> StepOutcome {
        guard let user = request.user else { throw StepFailure("The request names no user") }
        if user.name == "root" || user.userID == 0 {
            guard user.name == "root", user.userID == 0, user.groupID == 0 else {
                throw StepFailure("Only root has id 0, and no other")
            }
            let changed = try RememberedUser.write(user.name, guest)
            guest.defaults.change { $0.user = user.name }
            return StepOutcome(changed: changed)
        }
        guard isValid(user.name) else { throw StepFailure("The request's user name is not one that passwd can hold") }
        guard user.userID != .max, user.groupID != .max else { throw StepFailure("4294967295 is no id (setuid(2))") }
        let etc = try GuestFolder(guest.root("/etc"), followsLink: true)
        let before = AccountPlan(
            accounts: AccountTable(try etc.read("passwd") ?? []), groups: AccountTable(try etc.read("group") ?? []))
        var plan = before
        plan.settle(user, shell: shell(guest))
        guard let own = plan.accounts.index(of: user.name), plan.accounts.number(own, 2) == user.userID,
            plan.accounts.number(own, 3) == user.groupID
        else { throw StepFailure("The entry of \(user.name) in /etc/passwd is broken") }
        let changed = try write(plan, before, user.name, etc)
        let isOther = try RememberedUser.write(user.name, guest)
        guest.defaults.change { $0.user = user.name }
        var outcome = StepOutcome(changed: changed || isOther, notes: plan.notes)
        if changed { outcome.notes.insert("\(user.name) is \(user.userID):\(user.groupID).", at: 0) }
        return outcome
    }

    private static func write(
        _ plan: AccountPlan, _ before: AccountPlan, _ name: String, _ etc: borrowing GuestFolder
    ) throws(StepFailure) -> Bool {
        if plan.isNewUser, let text = try etc.read("shadow") {
            var shadow = AccountTable(text)
            if shadow.index(of: name) == nil {
                // No password fits `*`; the day is one in the past, since an empty one means "must change" to some programs.
                shadow.append([name, "*", "1", "", "", "", "", "", ""])
                try etc.replace("shadow", with: shadow.bytes, mode: 0o600)
            }
        }
        if plan.accounts != before.accounts { try etc.replace("passwd", with: plan.accounts.bytes, mode: 0o644) }
        if plan.groups != before.groups { try etc.replace("group", with: plan.groups.bytes, mode: 0o644) }
        return plan.accounts != before.accounts || plan.groups != before.groups
    }

    private static func shell(_ guest: ProvisionedGuest) -> String {
        let shells = ["/run/current-system/sw/bin/bash", "/bin/bash", "/bin/sh"]
        return shells.first { access(guest.root($0), X_OK) == 0 } ?? "/bin/sh"
    }

    /// What useradd(8) takes: no colon, no comma, nothing that reads as a number or an option.
    static func isValid(_ name: String) -> Bool {
        guard (1...32).contains(name.utf8.count), let first = name.utf8.first else { return false }
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        return isLetter(first)
            && name.utf8.allSatisfy { byte in
                isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
    }
}
