import Glibc
import LinuxSystem

/// Waits for a monitor's final word, and passes a wish to cancel on to it.
enum StartWait {
    static func answer(
        _ channel: consuming FileDescriptor, cancellation: Int32, deadline: Deadline, progress: any ProgressReporter
    ) throws(ControllerError) -> ControlMessage {
        var cancelled = false
        while true {
            var entries = [
                pollfd(fd: channel.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: cancelled ? -1 : cancellation, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&entries, 2, deadline.pollTimeout)
            if ready == 0 { throw ControllerError(.timeout, "The sandbox's monitor did not answer in time.") }
            if ready < 0 { continue }
            if entries[1].revents != 0 {
                cancelled = true
                try? ControlMessage(.cancel).write(to: channel, deadline: .after(milliseconds: 1_000))
            }
            if entries[0].revents != 0 {
                // One message at a time, so that a cancellation is seen between two of them.
                do throws(ControllerError) {
                    if let answer = try ControlClient.readOne(from: channel, deadline: deadline, progress: progress) {
                        return answer
                    }
                } catch {
                    // The channel closes with the monitor's end: a failed start leaves nothing that is still on its way out.
                    _ = try? channel.readAll(limit: 1 << 16, deadline: .after(milliseconds: 2_000))
                    throw error
                }
            }
        }
    }
}
