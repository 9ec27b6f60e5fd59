import CLinux
import Glibc

/// Wakes who polls when the kernel passes one of its tracepoints, whichever process and processor it is on
/// (`perf_event_open(2)`). It tells that it did, and nothing else.
///
/// Each processor has an event with a ring of one page, mapped to be read only: the kernel then writes over what is there
/// ("overwrite mode"), so that nobody has to read for the next wake-up to come. All of it goes with the process. An
/// instance of tracefs would stay behind one that is killed, and costs 8 MiB of an idle guest's memory (Linux 6.1).
///
/// Concurrency: one thread polls.
public final class TracepointWatch {
    private static let setFilter: UInt = 0x4008_2406  // PERF_EVENT_IOC_SET_FILTER
    private static let enable: UInt = 0x2400  // PERF_EVENT_IOC_ENABLE

    /// To poll for POLLIN, one for each processor. A poll that tells of it also takes it off.
    public private(set) var descriptors: [Int32] = []
    private var rings: [UnsafeMutableRawPointer] = []
    private let ringSize = 2 * sysconf(Int32(_SC_PAGESIZE))

    /// - Parameters:
    ///   - number: of the tracepoint, from its `id` in tracefs.
    ///   - filter: on its fields, as `events.rst` of the Linux kernel has it.
    /// - Throws: `EACCES` or `EPERM` without CAP_PERFMON, `ENOSYS` where the kernel has no such events.
    public init(number: UInt64, filter: String) throws(SystemError) {
        for processor in 0..<Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_CONF))) {
            do throws(SystemError) { try watch(number, filter, processor) } catch {
                // One that is switched off.
                if error.code != ENODEV { throw error }
            }
        }
    }

    deinit {
        for ring in rings { munmap(ring, ringSize) }
        for descriptor in descriptors { close(descriptor) }
    }

    private func watch(_ number: UInt64, _ filter: String, _ processor: Int32) throws(SystemError) {
        var event = perf_event_attr()
        event.type = PERF_TYPE_TRACEPOINT.rawValue
        event.size = UInt32(MemoryLayout<perf_event_attr>.size)
        event.config = number
        event.sample_period = 1
        event.wakeup_events = 1
        // Until it has its filter.
        event.disabled = 1
        let raw = try retryingInterrupts("watch a tracepoint") { ks_open_event(&event, processor) }
        descriptors.append(raw)
        try retryingInterrupts("filter a tracepoint") {
            filter.withCString { ioctl(raw, TracepointWatch.setFilter, UnsafeMutableRawPointer(mutating: $0)) }
        }
        guard let ring = mmap(nil, ringSize, PROT_READ, MAP_SHARED, raw, 0), ring != MAP_FAILED else {
            throw SystemError("map a tracepoint's ring")
        }
        rings.append(ring)
        try retryingInterrupts("watch a tracepoint") { ioctl(raw, TracepointWatch.enable, 0) }
    }
}
