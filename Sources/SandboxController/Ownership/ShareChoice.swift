import Glibc
import LinuxSystem

/// How a project is shared with its guest, and why so: for `status`.
public struct ShareChoice: Equatable, Sendable {
    public let security: SandboxSettings.ShareSecurity
    /// A sentence's end, to stand behind "because".
    public let reason: String

    /// As an ordinary user `none`: owners are right by construction. As root `mapped`: with `none`, the guest's root could
    /// make set-uid files of the host's root.
    /// - Parameter asked: what the sandbox was made with, if anything.
    /// - Throws: `usage` for `none` as root.
    static func choose(asked: SandboxSettings.ShareSecurity?, isRoot: Bool) throws(ControllerError) -> ShareChoice {
        if isRoot {
            guard asked != SandboxSettings.ShareSecurity.none else {
                throw ControllerError(
                    .usage,
                    "As root a share can't be \"none\": the guest could make set-uid files that belong to root on this host.",
                    advice: "Leave --share-security out, or run as an ordinary user.")
            }
            return ShareChoice(
                security: .mapped,
                reason: "root runs it: with none the guest could make set-uid files that belong to root on this host")
        }
        if let asked { return ShareChoice(security: asked, reason: "the sandbox was made with --share-security") }
        return ShareChoice(
            security: .none, reason: "an ordinary user runs it: the guest's user has the same ids, so owners are right")
    }

    /// Why the guest's user is who they are, to stand behind "because".
    public static func reason(forUser userID: UInt32) -> String {
        userID == 0 ? "root owns the project's folder" : "these ids own the project's folder"
    }
}
