import Glibc
import LinuxSystem

/// One stretch of guest memory, mapped for as long as this value lives.
struct MemoryRegion: ~Copyable {
    /// Where the guest sees it (guest-physical).
    let guestAddress: UInt64
    /// Where QEMU sees it (its own virtual memory): ring addresses come in this form.
    let frontEndAddress: UInt64
    /// Bytes, at least 1; neither address plus `size` overflows.
    let size: UInt64
    /// Where we see it.
    let base: UnsafeMutableRawPointer
    private let mapping: UnsafeMutableRawPointer
    private let mappingSize: Int

    /// Maps `size` bytes at `offset` of `file`.
    /// - Throws: `EINVAL` when the numbers can't be true, such as a region beyond the file's end: touching that
    ///   would end this process (SIGBUS).
    init(
        guestAddress: UInt64, frontEndAddress: UInt64, size: UInt64, offset: UInt64, file: borrowing FileDescriptor
    ) throws(SystemError) {
        let (length, overflow) = size.addingReportingOverflow(offset)
        // 2⁴⁶: half of what an x86-64 process can map at all.
        guard size > 0, !overflow, length <= 1 << 46, !guestAddress.addingReportingOverflow(size).overflow,
            !frontEndAddress.addingReportingOverflow(size).overflow
        else { throw SystemError("map guest memory", code: EINVAL) }
        var status = stat()
        let raw = file.rawValue
        try retryingInterrupts("map guest memory") { fstat(raw, &status) }
        guard status.st_size >= 0, UInt64(status.st_size) >= length else {
            throw SystemError("map guest memory", code: EINVAL)
        }
        // From the file's start, not from `offset`: on hugetlbfs an offset must be a multiple of the huge page.
        let flags = MAP_SHARED | MAP_NORESERVE
        guard let mapped = mmap(nil, Int(length), PROT_READ | PROT_WRITE, flags, raw, 0), mapped != MAP_FAILED else {
            throw SystemError("map guest memory")
        }
        madvise(mapped, Int(length), 16 /* MADV_DONTDUMP */)
        self.guestAddress = guestAddress
        self.frontEndAddress = frontEndAddress
        self.size = size
        mapping = mapped
        mappingSize = Int(length)
        base = mapped + Int(offset)
    }

    borrowing func releasePages() { madvise(mapping, mappingSize, 4 /* MADV_DONTNEED */) }

    deinit { munmap(mapping, mappingSize) }
}
