import AgentProtocol
import Glibc
import LinuxSystem

/// A request worked out to the last detail: all that `ChildProcess.spawn` needs but descriptors and cgroup.
struct CommandPlan: ~Copyable {
    var spawn: SpawnRequest
    let user: CommandUser
    private let candidates: CStringList
    private let arguments: CStringList
    private let environment: CStringList
    /// For sentences.
    private let program: String
    private let programPath: [UInt8]

    /// - Parameter defaults: what holds where the request does not say.
    init(_ request: ExecRequest, system: GuestSystem, defaults: SessionDefaults.Values) throws(Refusal) {
        let user = try system.users.user(request.user ?? defaults.user)
        // Only root can change who a process is; anybody else runs commands as himself.
        let identity = user.identity
        guard system.ownIdentity.userID == 0 || system.ownIdentity.userID == user.userID else {
            throw Refusal(.noSuchUser, "The agent does not run as root and can't become user \(user.name).")
        }
        var environment = CStringList(reserving: 512)
        let path = try CommandEnvironment.build(
            for: user, request: request, systemPath: system.systemPath,
            defaults: defaults.entries(for: user.userID, withTokens: !request.withholdsTokens), into: &environment)
        let directory = CommandPlan.directory(request.directory, user: user, system: system)
        let candidates = try ProgramSearch.candidates(for: request.arguments[0], path: path, directory: directory)
        var arguments = CStringList()
        for argument in request.arguments { arguments.append(argument) }
        var spawn = SpawnRequest(candidates: [], arguments: [], environment: [], descriptors: [])
        spawn.directory = directory
        let mustChange = system.ownIdentity.userID == 0 && identity != system.ownIdentity
        spawn.identity = mustChange ? identity : nil
        spawn.session = .session(controllingTerminal: request.terminal != nil)
        self.user = user
        self.candidates = candidates
        self.arguments = arguments
        self.environment = environment
        self.spawn = spawn
        program = ProgramSearch.name(request.arguments[0])
        programPath = request.arguments[0]
    }

    func start() throws(Refusal) -> ProcessHandle {
        do throws(SpawnError) {
            return try ChildProcess.spawn(spawn, candidates: candidates, arguments: arguments, environment: environment)
        } catch {
            throw refusal(error)
        }
    }

    private func refusal(_ error: SpawnError) -> Refusal {
        let reason = SystemError.message(for: error.code)
        switch (error.stage, error.code) {
        case (.directory, _):
            return Refusal(
                .noSuchDirectory, "\(spawn.directory ?? ""): user \(user.name) can't start there (\(reason)).")
        case (.execute, E2BIG):
            return Refusal(
                .argumentsTooLong, "The arguments and environment of \(program) are more than the guest's kernel takes."
            )
        case (.execute, ENOENT):
            guard ProgramSearch.isThere(programPath, directory: spawn.directory ?? "/") else {
                return ProgramSearch.notFound(programPath)
            }
            // What misses is what the file's first line or its ELF header asks for.
            return Refusal(.programNotExecutable, "\(program): its interpreter is missing in the guest.")
        case (.execute, ENOEXEC):
            return Refusal(.programNotExecutable, "\(program): not a program that the guest can execute.")
        case (.execute, ENOMEM), (.execute, EAGAIN), (.clone, _):
            return Refusal(.resourcesExhausted, "\(program) can't be started in the guest: \(reason).")
        case (.execute, _):
            return Refusal(.programNotExecutable, "\(program): can't be executed in the guest (\(reason)).")
        default:
            return Refusal(.other, "\(program) can't be started in the guest (\(error.stage)): \(reason).")
        }
    }

    private static func directory(_ wanted: String?, user: CommandUser, system: GuestSystem) -> String {
        guard let wanted, !wanted.isEmpty else { return system.defaultDirectory(of: user) }
        return wanted.utf8.first == UInt8(ascii: "/") ? wanted : "\(system.defaultDirectory(of: user))/\(wanted)"
    }
}
