import FoundationEssentials
import Glibc
import LinuxSystem

/// Files and folders under the state directory: 0600 and 0700 whatever the umask, written whole or not at all.
enum PrivateFiles {
    /// In the name of every file that is to be renamed into place.
    static let temporaryMark = ".new-"

    /// Makes a folder and those above it; one that is there is left as it is.
    static func makeFolder(_ path: String) throws(ControllerError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        let parent = path.parentPath
        if parent != path, !parent.isEmpty { try makeFolder(parent) }
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw SystemError("make folder").told("Cannot make the folder \(PrintableText.escaped(path))", as: .badPath)
        }
    }

    /// Replaces a file in one step: whoever reads it sees the old or the new one.
    static func write(_ bytes: [UInt8], to path: String) throws(ControllerError) {
        let temporary = "\(path)\(temporaryMark)\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        do throws(SystemError) {
            try replace(path, with: bytes, through: temporary)
        } catch {
            throw error.told("Cannot write \(PrintableText.escaped(path))", as: .internal)
        }
    }

    /// As `write`, by way of a file beside it whose name nobody else uses meanwhile; none of it is left on failure.
    static func replace(_ path: String, with bytes: [UInt8], through temporary: String) throws(SystemError) {
        do throws(SystemError) {
            // Opened anew each time: a leftover may have another mode, or be a link to somewhere else.
            _ = unlink(temporary)
            let file = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let raw = file.rawValue
            try retryingInterrupts("set mode of \(temporary)") { fchmod(raw, 0o600) }
            try file.writeAll(bytes)
            try retryingInterrupts("flush \(temporary)") { fsync(raw) }
            try retryingInterrupts("rename \(temporary)") { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Copies a file to a new one, sharing its blocks where the file system can (FICLONE, ioctl_ficlone(2)).
    static func copy(_ source: String, to target: String) throws(ControllerError) {
        do throws(SystemError) {
            let input = try FileDescriptor.open(source, O_RDONLY)
            try copy(from: input, to: target)
        } catch {
            throw error.told("Cannot copy \(PrintableText.escaped(source))", as: .internal)
        }
    }

    static func copy(from input: borrowing FileDescriptor, to target: String) throws(SystemError) {
        let output = try FileDescriptor.open(target, O_WRONLY | O_CREAT | O_EXCL)
        let fileClone: UInt = 0x4004_9409
        let (from, to) = (input.rawValue, output.rawValue)
        if ioctl(to, fileClone, from) != 0 {
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let count = try retryingInterrupts("read") { read(from, &chunk, chunk.count) }
                if count == 0 { break }
                let failure = chunk.withUnsafeBytes { bytes -> SystemError? in
                    do throws(SystemError) {
                        try output.writeAll(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                        return nil
                    } catch { return error }
                }
                if let failure { throw failure }
            }
        }
        try retryingInterrupts("write to disk") { fsync(to) }
    }

    /// The SHA-256 of an open file from its beginning.
    static func sha256(_ file: borrowing FileDescriptor) throws(SystemError) -> String {
        var hash = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        let raw = file.rawValue
        var offset = 0
        while true {
            let position = off_t(offset)
            let count = try retryingInterrupts("read") { pread(raw, &chunk, chunk.count, position) }
            if count == 0 { return hash.finish() }
            chunk.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += count
        }
    }

    /// Removes a file or a folder with all it holds; what is not there is no error.
    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    static func syncFolder(_ path: String) {
        if let folder = try? FileDescriptor.open(path, O_RDONLY | O_DIRECTORY) { fsync(folder.rawValue) }
    }
}
