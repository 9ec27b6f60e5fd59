import FoundationEssentials
import Glibc
import LinuxSystem

/// Runs a helper program of the host to its end and keeps a bounded part of what it says.
///
/// Concurrency: blocks the calling thread; the program dies with that thread (PDEATHSIG), so a killed `keystone`
/// leaves no helper behind. Not Foundation's `Process`: that misses a death when a grandchild keeps a descriptor open
/// (swift-corelibs-foundation issue 4795).
public struct ProgramRunner: Sendable {
    /// What a program left.
    public struct Outcome: Sendable {
        public let status: ExitStatus
        /// Standard output, when it was captured; cut at the limit.
        public let output: [UInt8]
        /// The end of standard error: `errorLimit` bytes at most.
        public let errors: [UInt8]

        public var succeeded: Bool { status == .exited(0) }
        public var text: String { String(decoding: output, as: UTF8.self) }
        /// Whether it failed for want of disk space, as the C library and apt say it.
        public var ranOutOfSpace: Bool {
            let text = String(decoding: errors, as: UTF8.self)
            return !succeeded && (text.contains("No space left on device") || text.contains("enough free space"))
        }
        /// The last line of standard error that says something, safe to print.
        public var lastError: String {
            let lines = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
            return lines.last.map { PrintableText.escaped(String($0.prefix(300))) } ?? "it ended with \(status)"
        }
    }

    /// Where standard output goes.
    public enum Output: Sendable {
        /// Kept up to this many bytes; the rest is read and dropped, so the program never blocks.
        case capture(limit: Int)
        /// A raw descriptor of ours.
        case descriptor(Int32)
    }

    /// Absolute path.
    public let path: String
    public var arguments: [String]
    /// Entries that replace the host's own of the same name.
    public var environment: [String: String] = ["LC_ALL": "C"]
    /// Names of the host's own entries that the program does not get.
    public var removedVariables: Set<String> = []
    public var directory: String?
    public var output: Output = .capture(limit: 1 << 20)
    /// Bytes of standard error to keep.
    public var errorLimit = 1024
    /// Is told each line of standard error as it comes, on the calling thread.
    public var errorLine: (@Sendable (String) -> Void)?
    /// The child's descriptors from 3 on.
    public var extraDescriptors: [Int32] = []

    public init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// - Throws: `missingProgram` when it cannot be started, `timeout` when the deadline passed first (it has then been
    ///   killed with its process group and reaped).
    public func run(deadline: Deadline) throws(ControllerError) -> Outcome {
        do throws(SystemError) {
            return try start(deadline: deadline)
        } catch  where error.code == ETIMEDOUT {
            throw ControllerError(.timeout, "\(PrintableText.escaped(path)) did not end in time and was stopped.")
        } catch {
            throw ControllerError(.missingProgram, "Cannot run \(PrintableText.escaped(path)): \(error.reason).")
        }
    }

    private func start(deadline: Deadline) throws(SystemError) -> Outcome {
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        let errors = try FileDescriptor.pipe()
        // Our end alone: a program whose own end does not block would lose what does not fit.
        try errors.first.setNonBlocking(true)
        let errorsIn = errors.second
        var collector = try OutputCollector(
            errors: errors.first, output: output, errorLimit: errorLimit, errorLine: errorLine)
        var request = SpawnRequest(
            path: path, arguments: arguments, environment: mergedEnvironment(),
            descriptors: [nothing.rawValue, collector.childOutput, errorsIn.rawValue] + extraDescriptors)
        request.directory = directory
        request.session = .processGroup
        request.deathSignal = SIGKILL
        let child: ProcessHandle
        do throws(SpawnError) {
            child = try ChildProcess.spawn(request)
        } catch {
            throw SystemError("start \(path)", code: error.code)
        }
        _ = consume errorsIn
        collector.closeChildOutput()
        // A grandchild may hold the pipes: the end of the program counts, not the end of its pipes.
        while !child.hasEnded {
            guard !deadline.hasPassed else {
                _ = kill(-child.processID, SIGKILL)
                _ = try child.reap()
                throw SystemError("wait for \(path)", code: ETIMEDOUT)
            }
            collector.collect(also: child.rawValue, timeout: deadline.pollTimeout)
        }
        collector.collect(also: -1, timeout: 0)
        let status = try child.reap().status
        return Outcome(status: status, output: collector.output, errors: collector.errors)
    }

    private func mergedEnvironment() -> [String] {
        ProcessInfo.processInfo.environment.filter { !removedVariables.contains($0.key) }
            .merging(environment) { _, ours in ours }.map { "\($0.key)=\($0.value)" }
    }
}
