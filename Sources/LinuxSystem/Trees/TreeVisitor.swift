import Glibc

/// What is told of a tree while it is walked. Each of a walk's threads has a visitor of its own, so a visitor counts without
/// a lock.
public protocol TreeVisitor: AnyObject, Sendable {
    /// An entry on the walk's mount, whatever it is; the top and folders, too. One with several names is told for each of them.
    /// - Parameter path: from the walk's prefix; asked for only when it is wanted, since it costs an allocation.
    func visit(_ entry: borrowing InodeHandle, _ status: stat, _ path: () -> [UInt8])

    /// What was not looked at, or not into.
    func miss(_ gap: TreeGap, _ path: () -> [UInt8])
}

/// Why a walk did not see something. What vanished before it could be seen is none.
public enum TreeGap: Equatable, Sendable {
    case otherMount
    /// The names in the folder can't be read.
    case closedFolder
    /// More than `TreeWalk.maximumDepth` folders below the top.
    case tooDeep
    case failed(SystemError)
}
