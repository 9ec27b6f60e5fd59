import Glibc
import SandboxController

/// Writing to stdout and stderr, whole and unbuffered.
enum StandardStream {
    /// Opens those of descriptors 0, 1 and 2 that we were started without, so that no socket of ours takes their number
    /// and gets what is meant for a person. The wrong way round, so that using them fails as it would have.
    static func openMissing() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// A result. A reader that has gone (`| head`) ends the program quietly, as it ends others.
    /// - Throws: when stdout is full or broken: a result that was not delivered is a failure.
    static func result(_ text: String) throws(ControllerError) {
        let code = write(text, STDOUT_FILENO)
        switch code {
        case 0: return
        case EPIPE: exit(128 + SIGPIPE)
        case ENOSPC:
            throw ControllerError(.noSpace, "The result can't be written to standard output: the disk is full.")
        default: throw ControllerError(.internal, "The result can't be written to standard output: \(reason(code)).")
        }
    }

    /// A result of a program that goes on, which a reader that has gone doesn't end.
    static func announce(_ text: String) throws(ControllerError) {
        let code = write(text, STDOUT_FILENO)
        guard code == 0 || code == EPIPE else {
            throw ControllerError(.internal, "The result can't be written to standard output: \(reason(code)).")
        }
    }

    /// A message for people. That it can't be shown is no reason to stop.
    static func message(_ text: String) { _ = write(text, STDERR_FILENO) }

    /// - Returns: 0, or the `errno` of the write that failed.
    private static func write(_ text: String, _ descriptor: Int32) -> Int32 {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
