/// What `fix-ownership` is to do.
public struct OwnershipFix: Sendable {
    /// In the project; empty for all of it.
    public var paths: [ProjectPath] = []
    /// Change nothing, on neither side.
    public var isDryRun = false
    /// The guest's agent looks at everything, however long that takes.
    public var verifies = false
    /// Absolute paths of folders in the guest, each on a mount of its own, that are given to the guest's user, too.
    public var guestPaths: [[UInt8]] = []

    public init() {}

    /// How long the agent looks when nobody asked it to: one to three hundred entries of a 9p share under TCG. Enough to see
    /// that the guest agrees with the host at all; all of 20,000 took it 51 s where the host needed 1.
    static let glanceMilliseconds: UInt64 = 500
}
