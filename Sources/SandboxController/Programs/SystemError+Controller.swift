import Glibc
import LinuxSystem

extension SystemError {
    /// This failure in a user's words: `sentence` says what could not be done, without a full stop.
    /// A full disk and a refused permission keep their own codes, whatever `code` says.
    func told(_ sentence: String, as code: ControllerError.Code) -> ControllerError {
        switch self.code {
        case ENOSPC, EDQUOT:
            ControllerError(.noSpace, "\(sentence): the disk is full.", advice: "Free some space and try again.")
        case EACCES, EPERM, EROFS: ControllerError(.permission, "\(sentence): \(reason).")
        default: ControllerError(code, "\(sentence): \(reason).")
        }
    }
}
