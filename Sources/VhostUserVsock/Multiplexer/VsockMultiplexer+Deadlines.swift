import LinuxSystem

/// Deadlines are rare and coarse: one earliest time, and a look at every slot when it comes. With nothing pending
/// the device never wakes up.
extension VsockMultiplexer {
    /// Deadlines fall on quarters of a second, so that many of them cost at most four looks a second.
    private static let grain: UInt64 = 250_000_000

    func deadline(after nanoseconds: UInt64) -> UInt64 {
        let grain = VsockMultiplexer.grain
        let time = (Deadline.now() + nanoseconds + grain - 1) / grain * grain
        nextExpiry = min(nextExpiry, time)
        return time
    }

    func arm(_ stream: VsockStream, after nanoseconds: UInt64) { stream.deadline = deadline(after: nanoseconds) }

    /// Ends what took too long.
    func expire() {
        guard nextExpiry != .max else { return }
        let now = Deadline.now()
        guard now >= nextExpiry else { return }
        nextExpiry = .max
        if listenerResume <= now { resumeListener() }
        nextExpiry = min(nextExpiry, listenerResume)
        for slot in slots.indices {
            switch slots[slot] {
            case .vacant: break
            case .greeting(let greeting):
                if greeting.deadline <= now { vacate(slot) } else { nextExpiry = min(nextExpiry, greeting.deadline) }
            case .stream(let stream):
                if stream.deadline <= now { expire(stream) }
                nextExpiry = min(nextExpiry, stream.deadline)
            }
        }
    }

    private func expire(_ stream: VsockStream) {
        stream.deadline = .max
        switch stream.connection.phase {
        case .open: stream.connection.askForCredit()
        case .requesting, .lingering:
            stream.connection.abandon()
            stream.closeSocket()
            if stream.connection.phase == .finished {
                vacate(stream.slot)
                return
            }
        case .flushing, .resetting, .finished: return
        }
        wake(stream)
    }
}
