import Glibc
import LinuxSystem

extension ControllerError {
    /// A failed system call in a user's words.
    static func system(_ error: SystemError, doing what: String) -> ControllerError {
        switch error.code {
        case ENOSPC, EDQUOT:
            ControllerError(
                .noSpace, "\(what) failed: the disk is full.",
                advice: "Free some space and try again; nothing was lost.")
        case EACCES, EPERM, EROFS:
            ControllerError(.permission, "\(what) failed: \(error.operation): \(error.reason).")
        case ENOMEM: ControllerError(.noMemory, "\(what) failed: the host has no memory left.")
        case ETIMEDOUT: ControllerError(.timeout, "\(what) did not end in time.")
        default: ControllerError(.internal, "\(what) failed: \(error.operation): \(error.reason).")
        }
    }
}
