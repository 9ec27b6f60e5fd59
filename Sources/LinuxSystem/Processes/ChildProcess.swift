import CLinux
import Glibc

/// How to start a program: everything that happens between `clone3(2)` and `execve(2)`.
public struct SpawnRequest: Sendable {
    /// Who the program runs as: real, effective and saved ids, and exactly these supplementary groups.
    public struct Identity: Equatable, Sendable {
        public var userID: UInt32
        public var groupID: UInt32
        public var groups: [UInt32]
        public init(userID: UInt32, groupID: UInt32, groups: [UInt32]) {
            self.userID = userID
            self.groupID = groupID
            self.groups = groups
        }

        /// Of the calling process.
        public static func ownProcess() -> Identity {
            let count = max(0, getgroups(0, nil))
            let groups = [UInt32](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
                filled = Int(max(0, getgroups(count, buffer.baseAddress)))
            }
            return Identity(userID: geteuid(), groupID: getegid(), groups: groups)
        }
    }

    public enum Session: Sendable {
        /// Stays in the parent's session and process group.
        case inherited
        /// A process group of its own (`setpgid`).
        case processGroup
        /// A session of its own (`setsid`), optionally with descriptor 0 as its controlling terminal.
        case session(controllingTerminal: Bool)
    }

    /// Paths to try in order, as `execvp(3)` does.
    public var candidates: [String]
    public var arguments: [String]
    /// `NAME=value` entries; nothing is inherited.
    public var environment: [String]
    public var directory: String?
    /// The child's descriptors 0, 1, 2…: raw numbers of the parent's, -1 for closed. All others are closed. At most 64.
    public var descriptors: [Int32]
    public var identity: Identity?
    public var session: Session = .inherited
    /// Signal on the end of the spawning *thread* (prctl(2), PR_SET_PDEATHSIG), 0 for none.
    public var deathSignal: Int32 = 0
    /// A cgroup v2 directory to start in, or -1.
    public var cgroup: Int32 = -1
    /// When set, all other capabilities are dropped and no_new_privs is set; bit N keeps capability N.
    public var keepOnlyCapabilities: UInt64?
    public var oomScoreAdjust: String?
    public var fileModeMask: Int32 = -1
    /// RLIMIT_NOFILE of the program, soft and hard; nil keeps the parent's.
    public var openFiles: (soft: UInt64, hard: UInt64)?

    public init(candidates: [String], arguments: [String], environment: [String], descriptors: [Int32]) {
        self.candidates = candidates
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
    }

    public init(path: String, arguments: [String], environment: [String], descriptors: [Int32]) {
        self.init(candidates: [path], arguments: [path] + arguments, environment: environment, descriptors: descriptors)
    }
}

/// The step at which a program failed to start.
public enum SpawnStage: UInt32, Sendable {
    case clone = 0, session, terminal, descriptors, groups, groupID, userID, capabilities, directory, parent, execute,
        limits
}

public struct SpawnError: Error, Equatable, Sendable, CustomStringConvertible {
    public let stage: SpawnStage
    public let code: Int32
    public init(stage: SpawnStage, code: Int32) {
        self.stage = stage
        self.code = code
    }
    public var description: String { "start program (\(stage)): \(SystemError.message(for: code))" }
}

public enum ChildProcess {
    /// Starts a program; when this returns it has been executed (see `ks_spawn`).
    public static func spawn(_ request: SpawnRequest) throws(SpawnError) -> ProcessHandle {
        let candidates = CStringArray(request.candidates)
        let arguments = CStringArray(request.arguments)
        let environment = CStringArray(request.environment)
        return try spawn(
            request, candidates: candidates.pointers, arguments: arguments.pointers, environment: environment.pointers)
    }

    /// As `spawn(_:)`, with arguments, environment and paths that need not be UTF-8; those of `request` are not used.
    public static func spawn(
        _ request: SpawnRequest, candidates: borrowing CStringList, arguments: borrowing CStringList,
        environment: borrowing CStringList
    ) throws(SpawnError) -> ProcessHandle {
        let result = candidates.withPointers { candidates in
            arguments.withPointers { arguments in
                environment.withPointers { environment in
                    Result { () throws(SpawnError) in
                        try spawn(request, candidates: candidates, arguments: arguments, environment: environment)
                    }
                }
            }
        }
        return try result.get()
    }

    private static func spawn(
        _ request: SpawnRequest, candidates: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
        arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
        environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) throws(SpawnError) -> ProcessHandle {
        let directory = request.directory.map { CStringArray([$0]) }
        let oomScore = request.oomScoreAdjust.map { CStringArray([$0]) }
        var result = ks_spawn_result()
        let groups = request.identity?.groups ?? []
        let outcome = request.descriptors.withUnsafeBufferPointer { descriptors in
            groups.withUnsafeBufferPointer { groups in
                var raw = ks_spawn_request()
                raw.argv = UnsafePointer(arguments)
                raw.envp = UnsafePointer(environment)
                raw.directory = directory?.pointers[0].map { UnsafePointer($0) }
                raw.descriptors = descriptors.baseAddress
                raw.descriptor_count = Int32(descriptors.count)
                if let identity = request.identity {
                    raw.set_ids = 1
                    raw.uid = identity.userID
                    raw.gid = identity.groupID
                    raw.groups = groups.baseAddress
                    raw.group_count = Int32(groups.count)
                }
                switch request.session {
                case .inherited: break
                case .processGroup: raw.process_group = 1
                case .session(let terminal):
                    raw.new_session = 1
                    raw.controlling_terminal = terminal ? 1 : 0
                }
                raw.death_signal = request.deathSignal
                raw.cgroup = request.cgroup
                if let keep = request.keepOnlyCapabilities {
                    raw.drop_capabilities = 1
                    raw.keep_capabilities = keep
                }
                raw.oom_score_adjust = oomScore?.pointers[0].map { UnsafePointer($0) }
                raw.file_mode_mask = request.fileModeMask
                raw.open_files_soft = request.openFiles?.soft ?? 0
                raw.open_files_hard = request.openFiles?.hard ?? 0
                return candidates.withMemoryRebound(to: UnsafePointer<CChar>?.self, capacity: 1) {
                    raw.candidates = UnsafePointer($0)
                    return ks_spawn(&raw, &result)
                }
            }
        }
        guard outcome == 0 else {
            throw SpawnError(stage: SpawnStage(rawValue: UInt32(result.stage)) ?? .clone, code: result.error)
        }
        return ProcessHandle(processID: result.pid, owning: FileDescriptor(owning: result.pidfd))
    }
}

/// A NULL-terminated array of C strings in one allocation, freed with it.
final class CStringArray {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let count: Int
    private let bytes: UnsafeMutablePointer<CChar>

    init(_ strings: [String]) {
        count = strings.count
        let total = strings.reduce(0) { $0 + $1.utf8.count + 1 }
        bytes = .allocate(capacity: max(1, total))
        pointers = .allocate(capacity: count + 1)
        var next = bytes
        for (index, string) in strings.enumerated() {
            pointers[index] = next
            for byte in string.utf8 {
                next.pointee = CChar(bitPattern: byte)
                next += 1
            }
            next.pointee = 0
            next += 1
        }
        pointers[count] = nil
    }

    deinit {
        pointers.deallocate()
        bytes.deallocate()
    }
}
