import AgentProtocol
import Glibc
import LinuxSystem

/// What the steps work on.
struct ProvisionedGuest: Sendable {
    let root: GuestRoot
    let machine: any ProvisionedMachine
    let users: UserDatabase
    /// Where commands look for programs: `PATH` of this guest.
    let programPath: String
    let defaults: SessionDefaults

    init(
        root: GuestRoot, machine: any ProvisionedMachine, users: UserDatabase, defaults: SessionDefaults,
        programPath: String = CommandEnvironment.standardPath
    ) {
        self.root = root
        self.machine = machine
        self.users = users
        self.defaults = defaults
        self.programPath = programPath
    }

    /// Whose home it is about: the request's user, or who commands run as.
    func user(_ request: ProvisionRequest) throws(StepFailure) -> CommandUser {
        let name = request.user?.name ?? defaults.current.user
        do throws(Refusal) {
            return try users.user(name)
        } catch {
            throw StepFailure(String(error.failure.message.trimmingFullStop))
        }
    }

    func hasProgram(_ name: String) -> Bool {
        programPath.split(separator: ":").contains { access(root("\($0)/\(name)"), X_OK) == 0 }
    }

    /// Runs `body` with the rights that `user` has on files, and no more.
    static func asUser<Value>(
        _ user: CommandUser, _ body: () throws(StepFailure) -> Value
    ) throws(StepFailure) -> Value {
        try StepFailure.wrapping { () throws(SystemError) in
            try FileIdentity.assume(userID: user.userID, groupID: user.groupID)
        }
        defer { FileIdentity.restore() }
        return try body()
    }
}

extension String {
    fileprivate var trimmingFullStop: Substring { hasSuffix(".") ? dropLast() : self[...] }
}
