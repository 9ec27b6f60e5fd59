import AgentProtocol
import Glibc
import LinuxSystem

/// Connections to what listens in the guest, with a sentence for each that can't be had.
enum ForwardTarget {
    /// For one whose listener takes nobody in for now, in milliseconds.
    private static let patience = 10_000

    /// On the loopback interface: what a guest's servers listen on, be it this or every address.
    static func connect(port: UInt16) throws(Refusal) -> FileDescriptor {
        do throws(SystemError) {
            return try connected(.loopback4, port)
        } catch {
            // The first answer is the better one where the second address doesn't exist.
            if error.code == ECONNREFUSED, let socket = try? connected(.loopback6, port) { return socket }
            switch error.code {
            case ECONNREFUSED:
                throw Refusal(
                    .connectionRefused, "Nothing listens on port \(port) of 127.0.0.1 or ::1 in the guest.")
            case ETIMEDOUT:
                throw Refusal(.connectionRefused, "What listens on port \(port) in the guest takes no connections in.")
            default: throw Refusal(.other, "Port \(port) in the guest can't be reached: \(error.reason).")
            }
        }
    }

    private static func connected(_ address: InternetAddress, _ port: UInt16) throws(SystemError) -> FileDescriptor {
        let socket = try TcpSocket.connect(to: address, port: port, deadline: .after(milliseconds: patience))
        TcpSocket.prepareStream(socket.rawValue)
        return socket
    }

    /// With the file rights of `user`, since root's would pass over every permission on the way, and follow a link that somebody
    /// in the guest has put there to a socket that is not theirs. The kernel checks each folder and the socket (setfsuid(2)); it
    /// doesn't give this thread the user's further groups, and to the listener (SO_PEERCRED) we are who the agent is.
    static func connect(path: [UInt8], as user: CommandUser) throws(Refusal) -> FileDescriptor {
        // Paths of other bytes exist, and sockets at them can't be named by a String: nobody has such.
        guard let text = String(validating: path, as: UTF8.self) else {
            throw Refusal(.noSuchSocket, "The path of a UNIX socket in the guest must be UTF-8.")
        }
        do throws(SystemError) {
            let isOther = geteuid() != user.userID
            if isOther { try FileIdentity.assume(userID: user.userID, groupID: user.groupID) }
            defer { if isOther { FileIdentity.restore() } }
            return try UnixSocket.connect(to: text, deadline: .after(milliseconds: patience))
        } catch {
            throw refusal(error, text, user)
        }
    }

    private static func refusal(_ error: SystemError, _ path: String, _ user: CommandUser) -> Refusal {
        switch error.code {
        case ENOENT, ENOTDIR: Refusal(.noSuchSocket, "There is no socket \(path) in the guest.")
        case ECONNREFUSED: Refusal(.connectionRefused, "Nothing listens at \(path) in the guest.")
        case ETIMEDOUT: Refusal(.connectionRefused, "What listens at \(path) in the guest takes no connections in.")
        case EACCES, EPERM: Refusal(.permissionDenied, "User \(user.name) may not connect to \(path) in the guest.")
        default: Refusal(.other, "\(path) in the guest can't be reached: \(error.reason).")
        }
    }
}
