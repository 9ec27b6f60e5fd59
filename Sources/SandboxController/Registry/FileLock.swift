import Glibc
import LinuxSystem

/// A lock that the kernel gives back when its holder dies, however that happens: `flock(2)` on a file that stays. It
/// belongs to the open file, so children that inherit `rawValue` hold it too: it is free only when all have ended.
public final class FileLock: Sendable {
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    /// Waits for the lock until the deadline, and notes in the file who has it.
    /// - Throws: `busy` with the holder, as far as the file tells, when the time is up; `permission`, `noSpace` ….
    public convenience init(path: String, deadline: Deadline) throws(ControllerError) {
        do throws(SystemError) {
            try self.init(opening: path)
            guard try wait(deadline) else { throw SystemError("lock \(path)", code: EWOULDBLOCK) }
        } catch {
            throw error.code == EWOULDBLOCK ? FileLock.busy(path) : FileFailure.writing(path, error)
        }
        sign()
    }

    /// A lock to wait for, also once its file has been removed; nil where there is no such file.
    convenience init?(existingAt path: String) {
        guard let descriptor = try? FileDescriptor.open(path, O_RDWR | O_NOFOLLOW) else { return nil }
        self.init(descriptor)
    }

    /// Waits until nobody holds it, and does not keep it.
    func isFree(within deadline: Deadline) -> Bool { (try? wait(deadline, keeps: false)) == true }

    /// Whether somebody holds the lock at this moment; false when there is no such file.
    public static func isHeld(_ path: String) -> Bool {
        let raw = open(path, O_RDWR | O_CLOEXEC)
        guard raw >= 0 else { return false }
        defer { close(raw) }
        guard flock(raw, LOCK_EX | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
        flock(raw, LOCK_UN)
        return false
    }

    /// Whether the path still leads to this lock's file: somebody may have removed it, or put another in its place.
    public func isAt(_ path: String) -> Bool {
        var (ours, theirs) = (stat(), stat())
        guard fstat(rawValue, &ours) == 0, lstat(path, &theirs) == 0 else { return false }
        return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev
    }

    private convenience init(opening path: String) throws(SystemError) {
        self.init(try FileDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600))
    }

    private init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// `flock(2)` has no time limit of its own: a thread waits in the kernel, we wait for the thread. Where we give up,
    /// that thread is the last to hold this object, so the lock is let go as soon as it comes.
    /// - Parameter keeps: false to let it go at once, also where we gave up.
    private func wait(_ deadline: Deadline, keeps: Bool = true) throws(SystemError) -> Bool {
        if flock(rawValue, LOCK_EX | LOCK_NB) == 0 {
            if !keeps { flock(rawValue, LOCK_UN) }
            return true
        }
        guard errno == EWOULDBLOCK || errno == EINTR else { throw SystemError("lock") }
        if deadline.hasPassed { return false }
        let acquired = try EventDescriptor()
        try Thread.start(name: "file-lock", stackKibibytes: 64) {
            while flock(self.rawValue, LOCK_EX) != 0, errno == EINTR {}
            if !keeps { flock(self.rawValue, LOCK_UN) }
            acquired.signal()
        }
        var entry = pollfd(fd: acquired.rawValue, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&entry, 1, deadline.pollTimeout)
            if ready > 0 { return true }
            if ready == 0 { return false }
        }
    }

    /// Only a help for the sentence of those who wait in vain, so it may fail (a full disk has room for no note).
    private func sign() {
        let text = Array("\(getpid())\n".utf8)
        ftruncate(rawValue, 0)
        _ = pwrite(rawValue, text, text.count, 0)
    }

    private static func busy(_ path: String) -> ControllerError {
        var holder = "another command"
        if let bytes = try? AtomicFile.read(path, limit: 64),
            let process = Int32(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }), process > 0,
            let line = try? AtomicFile.read("/proc/\(process)/cmdline", limit: 65536), !line.isEmpty
        {
            let words = line.split(separator: 0).prefix(4).map { String(decoding: $0, as: UTF8.self) }
            holder = "process \(process) (\(PrintableText.escaped(words.joined(separator: " "))))"
        }
        return ControllerError(
            .busy, "The state directory is busy: \(holder) holds \(PrintableText.quoted(path)).",
            advice: "Try again when it has ended.")
    }
}
