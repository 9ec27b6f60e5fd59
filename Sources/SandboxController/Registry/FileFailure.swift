import FoundationEssentials
import Glibc
import LinuxSystem

/// Sentences for files that can't be read or written.
enum FileFailure {
    static func writing(_ path: String, _ error: SystemError) -> ControllerError {
        let shown = PrintableText.quoted(path)
        switch error.code {
        case ENOSPC, EDQUOT:
            return ControllerError(
                .noSpace,
                "\(shown) can't be written: \(error.code == ENOSPC ? "the disk is full" : "the disk quota is used up").",
                advice: "Make room and try again; what was there before is unharmed.")
        case EACCES, EPERM, EROFS:
            return ControllerError(
                .permission, "\(shown) can't be written: \(error.reason).",
                advice: "Choose another place with --state-dir, or become its owner.")
        default:
            return ControllerError(.badPath, "\(shown) can't be written: \(error.reason).")
        }
    }

    static func reading(_ path: String, _ error: SystemError) -> ControllerError {
        let shown = PrintableText.quoted(path)
        switch error.code {
        case EACCES, EPERM:
            return ControllerError(
                .permission, "\(shown) can't be read: \(error.reason).",
                advice: "Become its owner, or choose another place with --state-dir.")
        case EFBIG:
            return ControllerError(
                .internal, "\(shown) is far too large to be ours.", advice: "Move it away and try again.")
        default: return ControllerError(.badPath, "\(shown) can't be read: \(error.reason).")
        }
    }

    /// Why something of `FileManager`'s failed, in the system's words.
    static func reason(_ error: any Error) -> String {
        let cause = (error as? CocoaError)?.userInfo["NSUnderlyingError"] ?? error
        if let cause = cause as? POSIXError { return SystemError.message(for: cause.code.rawValue) }
        return "\(cause)"
    }
}
