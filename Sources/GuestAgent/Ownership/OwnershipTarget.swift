import AgentProtocol
import Glibc
import LinuxSystem

/// What an ownership request is about, held by descriptor: reached from the guest's root name by name, no link followed.
///
/// The workspace may always be asked for. Any other folder must be on a mount of its own and must not be part of the
/// running system: who gives `/etc` or `/run` to a user has given them the guest.
struct OwnershipTarget: ~Copyable {
    /// First names of folders that are never walked, whatever is mounted there. (Nor are `/tmp` and `/var/tmp`, which all
    /// users of a guest share; a folder below them may be asked for.)
    private static let system: Set<String> = ["proc", "sys", "dev", "run", "boot", "nix"]

    let root: InodeHandle
    let bounds: MountBounds
    /// A whole mount; else a second name of a file may lie beside the walk.
    let isWholeMount: Bool

    init(_ path: [UInt8], in guest: GuestRoot) throws(Refusal) {
        let names = try OwnershipTarget.names(path, isAbsolute: true)
        let entry = try OwnershipTarget.open(path, names, guest)
        let place = try OwnershipTarget.place(of: entry, path)
        if names != [Array(GuestSystem.workspace.utf8.dropFirst())] {
            try OwnershipTarget.refuseSystem(names, place, path, guest)
        }
        root = entry
        bounds = MountBounds(place)
        isWholeMount = place.isMountRoot ?? false
    }

    private static func open(_ path: [UInt8], _ names: [[UInt8]], _ guest: GuestRoot) throws(Refusal) -> InodeHandle {
        do throws(SystemError) {
            return try find(names, from: InodeHandle(folder: guest("/")), within: nil)
        } catch {
            throw refusal(shown(path), error)
        }
    }

    private static func place(of entry: borrowing InodeHandle, _ path: [UInt8]) throws(Refusal) -> InodeHandle.Place {
        do throws(SystemError) {
            let place = try entry.place()
            guard place.isFolder else { throw SystemError("open", code: ENOTDIR) }
            return place
        } catch {
            throw refusal(shown(path), error)
        }
    }

    private static func refuseSystem(
        _ names: [[UInt8]], _ place: InodeHandle.Place, _ path: [UInt8], _ guest: GuestRoot
    ) throws(Refusal) {
        let first = names.first.map { String(decoding: $0, as: UTF8.self) }
        let isShared = names == [Array("tmp".utf8)] || names == [Array("var".utf8), Array("tmp".utf8)]
        if isShared || first.map(system.contains) ?? true {
            throw Refusal(.unsupported, "\(shown(path)) belongs to the guest's system, whose owners are left alone.")
        }
        let top: MountBounds
        do throws(SystemError) { top = try MountBounds(InodeHandle(folder: guest("/"))) } catch {
            throw Refusal("Looking at the guest's root", error)
        }
        if MountBounds(place) == top {
            throw Refusal(
                .unsupported, "\(shown(path)) is on the guest's root file system, whose owners are left alone.")
        }
    }

    /// An entry below, on the same mount.
    borrowing func entry(_ path: [UInt8]) throws(Refusal) -> InodeHandle {
        let names = try OwnershipTarget.names(path, isAbsolute: false)
        do throws(SystemError) {
            return try OwnershipTarget.find(names, from: root, within: bounds)
        } catch {
            throw OwnershipTarget.refusal(OwnershipTarget.shown(path), error)
        }
    }

    private static func names(_ path: [UInt8], isAbsolute: Bool) throws(Refusal) -> [[UInt8]] {
        let slash = UInt8(ascii: "/")
        let names = path.split(separator: slash).map { Array($0) }
        guard (path.first == slash) == isAbsolute, !names.contains(Array(".".utf8)), !names.contains(Array("..".utf8))
        else { throw Refusal(.malformed, "\(shown(path)) is not a path as the agent takes it.") }
        return names
    }

    private static func find(
        _ names: [[UInt8]], from top: borrowing InodeHandle, within bounds: MountBounds?
    ) throws(SystemError) -> InodeHandle {
        var entry = try top.duplicate()
        for name in names {
            // Below anything but a folder openat(2) fails with ENOTDIR; a link is held as the link it is.
            entry = try InodeHandle(name.map { CChar(bitPattern: $0) } + [0], in: entry)
            let place = try entry.place()
            if place.status.st_mode & S_IFMT == S_IFLNK { throw SystemError("open", code: ELOOP) }
            if let bounds, !bounds.contain(place) { throw SystemError("open", code: EXDEV) }
        }
        return entry
    }

    private static func shown(_ path: [UInt8]) -> String { "\"\(String(decoding: path.prefix(256), as: UTF8.self))\"" }

    private static func refusal(_ shown: String, _ error: SystemError) -> Refusal {
        switch error.code {
        case ENOENT: Refusal(.noSuchDirectory, "The guest has no \(shown).")
        case ELOOP: Refusal(.noSuchDirectory, "\(shown) is or leads over a symbolic link, which is not followed.")
        case ENOTDIR: Refusal(.noSuchDirectory, "\(shown) is not a folder in the guest, or leads through a file.")
        case EXDEV: Refusal(.noSuchDirectory, "\(shown) is on another mount of the guest.")
        default: Refusal("Looking at \(shown) in the guest", error)
        }
    }
}
