import Glibc
import LinuxSystem

/// How the watch over a `mapped` share is doing, for `status`.
public struct WatchSummary: Codable, Equatable, Sendable {
    public enum State: String, Codable, Sendable {
        /// The folders are looked at for the first time.
        case beginning
        case watching
        /// Some folders can't be watched: what is new in them is right after `fix-ownership` or the next start.
        case partly
        /// Nothing is watched.
        case off
    }

    public var state = State.beginning
    /// Watched ones.
    public var folders = 0
    /// Folders that were found and could not be watched.
    public var unwatched = 0
    /// Entries that were made right since the start.
    public var fixed = 0
    /// Why it is not `watching`, and what to do: sentences.
    public var reason: String?
    public var advice: String?

    init() {}

    init(off error: SystemError) {
        state = .off
        switch error.code {
        case EMFILE:
            reason = "This user has as many inotify instances as one may have."
            advice = "Raise the limit with `sysctl fs.inotify.max_user_instances=512`, then start again."
        case ENOSPC: explain(.systemLimit)
        default: reason = "The project's folder can't be watched: \(error.reason)."
        }
    }

    /// What keeps a folder from being watched.
    enum Obstacle: Sendable {
        /// `fs.inotify.max_user_watches`, or our half of it.
        case systemLimit
        case ownLimit
        case depth
        case notPermitted
    }

    mutating func explain(_ obstacle: Obstacle) {
        switch obstacle {
        case .systemLimit:
            reason = "The host's limit of watched folders is reached; half of it is left to your other programs."
            advice = "Raise it with `sysctl fs.inotify.max_user_watches=524288`, then start again."
        case .ownLimit:
            reason = "More than \(WatchLimit.most) folders are not watched."
            advice = "Run `keystone agent fix-ownership` when new files look wrong."
        case .depth:
            reason = "Folders deeper than \(WatchTree.depthLimit) are not watched."
            advice = "Run `keystone agent fix-ownership` when new files look wrong."
        case .notPermitted:
            reason = "Some folders can't be read by the user who runs the sandbox."
            advice = "Open them with `chmod u+rx`, or start as their owner."
        }
    }
}

/// How many folders one sandbox may watch. A guest makes folders as it likes, and each watched one costs the kernel about
/// 1 KiB and the host's user one of a number that an editor wants, too.
enum WatchLimit {
    static let most = 65_536

    static func now() -> (folders: Int, obstacle: WatchSummary.Obstacle) {
        let text = (try? SmallFile.read("/proc/sys/fs/inotify/max_user_watches", limit: 64)) ?? []
        let digits = text.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let system = Int(String(decoding: digits, as: UTF8.self)) ?? 8192
        return system / 2 < most ? (max(1, system / 2), .systemLimit) : (most, .ownLimit)
    }
}
