import AgentProtocol
import LinuxSystem

/// What the guest agent saw of owners, and changed. It comes from a guest, so it is bounded, and never more than numbers, known
/// reasons and bytes to be escaped.
public struct GuestCheck: Sendable {
    /// Of the guest.
    public let root: [UInt8]
    public let isDryRun: Bool
    /// False when the time limit ended it.
    public let isComplete: Bool
    /// Entries looked at; a file with several names counts once.
    public let seen: Int
    public let changed: Int
    public let alreadyRight: Int
    /// Of the changed files, those that had set-user or set-group bits, which the kernel cleared.
    public let bitsCleared: Int
    /// Calls of `chown(2)`.
    public let calls: Int
    public let seconds: Double
    public private(set) var problems: [OwnershipProblem: OwnershipReport.Problem] = [:]

    init(_ report: GuestOwnershipReport, of request: OwnershipRequest) {
        root = request.root
        isDryRun = request.dryRun
        isComplete = report.isComplete
        seen = Int(clamping: report.seen)
        changed = Int(clamping: report.changed)
        alreadyRight = Int(clamping: report.alreadyRight)
        bitsCleared = Int(clamping: report.bitsCleared)
        calls = Int(clamping: report.calls)
        seconds = Double(report.milliseconds) / 1000
        for theirs in report.problems where theirs.count > 0 {
            let kind = OwnershipProblem(theirs)
            var problem = problems[kind] ?? OwnershipReport.Problem()
            problem.count = problem.count.addingClamped(Int(clamping: theirs.count))
            problem.examples += theirs.examples.prefix(OwnershipReport.exampleLimit - problem.examples.count)
            problems[kind] = problem
        }
    }

    public var notFixed: Int { problems.values.reduce(0) { $0.addingClamped($1.count) } }

    /// Problems, the most frequent first.
    public var sortedProblems: [(kind: OwnershipProblem, problem: OwnershipReport.Problem)] {
        OwnershipReport.sorted(problems)
    }
}

extension Int {
    /// For numbers of a guest's, whose sum may be anything. Both are at least 0.
    func addingClamped(_ other: Int) -> Int {
        let (sum, isTooMuch) = addingReportingOverflow(other)
        return isTooMuch ? .max : sum
    }
}

extension OwnershipProblem {
    init(_ problem: GuestOwnershipReport.Problem) {
        self =
            switch problem.reason {
            case .symbolicLink: .symbolicLink
            case .pipe: .pipe
            case .socket: .socket
            case .device: .device
            case .otherMount: .otherMount
            case .notPermitted: .notPermitted
            case .closedFolder: .closedFolder
            case .readOnly: .readOnly
            case .noOwners: .noAttributes
            case .noSpace: .noSpace
            case .tooDeep: .tooDeep
            case .hardLink: .hardLink
            case .other: .other(errno: Int32(clamping: problem.code))
            }
    }

    /// What the guest's agent may be able to do where the host could not.
    var mayBeFixedInGuest: Bool {
        switch self {
        case .otherMount, .notPermitted, .closedFolder, .noAttributes, .tooDeep, .other: true
        case .symbolicLink, .pipe, .socket, .device, .readOnly, .noSpace, .hardLink: false
        }
    }

    /// Why the guest could not, to stand behind a count and a colon.
    public var reasonInGuest: String {
        switch self {
        case .symbolicLink: "a symbolic link of the host can't be given an owner in the guest"
        case .pipe, .socket: "such a file of the host can't be given an owner in the guest"
        case .device: "a device file is left alone: who owns it owns the device"
        case .otherMount: "it is on another mount of the guest"
        case .notPermitted: "the file server does not allow it"
        case .readOnly: "the file system is read-only"
        case .noAttributes: "the file system has no owners that can be changed"
        case .hardLink: "it has another name, which may lie elsewhere, and belongs to a system account"
        case .closedFolder, .noSpace, .tooDeep, .other: reason
        }
    }

    /// What to do about what the guest could not: a sentence.
    public func adviceInGuest(owner: FileOwner) -> String {
        switch self {
        case .device, .hardLink:
            "If it is meant to be the user's, change it in the guest as root: `chown -h \(owner) PATH`."
        case .otherMount: "Name the mount with --guest-path, or unmount it."
        case .notPermitted:
            "On a `none` share only the host can: change the owner there (`sudo chown -h \(owner) PATH`)."
        case .noAttributes: "Mount it with the right owner (mount(8): uid=, gid=), where its file system can."
        case .symbolicLink, .pipe, .socket, .closedFolder, .readOnly, .noSpace, .tooDeep, .other: advice(owner: owner)
        }
    }
}
