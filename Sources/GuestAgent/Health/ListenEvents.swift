import Glibc
import LinuxSystem

/// The kernel's word that a TCP socket of the machine begins or ends to listen: its tracepoint `sock:inet_sock_set_state`, which
/// each change of a socket's state passes (`inet_sk_state_store` of the Linux kernel, since 4.16).
enum ListenEvents {
    private static let tracefs = "/sys/kernel/tracing"
    /// Where no one else looks, and only for as long as it takes to read a number: a mount at the usual place would be in the
    /// way of systemd's own (`sys-kernel-tracing.mount`).
    private static let ownTracefs = "/run/keystone-tracing"
    private static let idFile = "/events/sock/inet_sock_set_state/id"
    /// TCP_LISTEN of the Linux kernel's `tcp_states.h`.
    private static let filter = "newstate == 10 || oldstate == 10"

    /// - Parameter mayMount: tracefs, for a moment, where nobody has.
    /// - Returns: nil where there is no such word to be had: a kernel without tracing or one that is locked down, no root.
    static func watch(mayMount: Bool) -> TracepointWatch? {
        guard let number = number(below: tracefs) ?? (mayMount ? mountedNumber() : nil) else { return nil }
        return try? TracepointWatch(number: number, filter: filter)
    }

    private static func number(below folder: String) -> UInt64? {
        let text = KernelText.prefix(of: folder + idFile, limit: 32)
        return text.isEmpty ? nil : KernelText.number(text)
    }

    private static func mountedNumber() -> UInt64? {
        guard (try? Mount.mount("tracefs", on: ownTracefs, type: "tracefs")) != nil else {
            rmdir(ownTracefs)
            return nil
        }
        defer {
            try? Mount.detach(ownTracefs)
            rmdir(ownTracefs)
        }
        return number(below: ownTracefs)
    }
}
