import Glibc

/// The mount that a walk stays on: the same file system, and not by another way into it (a bind mount).
public struct MountBounds: Equatable, Sendable {
    private let device: dev_t
    private let mount: Int

    public init(_ top: borrowing InodeHandle) throws(SystemError) { self.init(try top.place()) }

    public init(_ top: InodeHandle.Place) {
        device = top.status.st_dev
        mount = top.mountID
    }

    public func contain(_ place: InodeHandle.Place) -> Bool {
        place.status.st_dev == device && place.mountID == mount
    }
}
