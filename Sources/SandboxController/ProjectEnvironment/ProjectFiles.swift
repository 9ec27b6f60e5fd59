import Glibc
import LinuxSystem

/// Finds and reads files of a project by pattern. The guest may write there at the same time, so everything is reached by
/// descriptor from the project's folder, no link is ever followed, nothing but ordinary files is read, and all is bounded.
struct ProjectFiles: ~Copyable {
    struct File: Equatable {
        /// Relative to the project.
        let path: String
        let content: [UInt8]
    }

    /// Of one file, in bytes.
    static let sizeLimit = 64 * 1024
    /// Files in all.
    static let countLimit = 64
    /// Names that are looked at, in all folders together.
    static let nameLimit = 20_000

    private(set) var files: [File] = []
    /// Sentences about what was passed over.
    private(set) var warnings: [String] = []
    private var seen = 0

    /// What is missing is no reason for a word: `.env.local` mostly is.
    init(_ patterns: [EnvironmentFilePattern], in project: String) {
        do throws(SystemError) {
            let top = try FileDescriptor.open(project, O_RDONLY | O_DIRECTORY)
            for pattern in patterns { find(pattern.parts[...], top, "") }
        } catch {
            warnings.append("The project's files of variables can't be read: \(error.reason).")
        }
    }

    private mutating func find(_ parts: ArraySlice<String>, _ folder: borrowing FileDescriptor, _ above: String) {
        guard let part = parts.first else { return }
        for name in EnvironmentFilePattern.isWild(part) ? names(folder, matching: part) : [part] {
            let path = above + name
            do throws(SystemError) {
                if parts.count > 1 {
                    let below = try folder.open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                    find(parts.dropFirst(), below, path + "/")
                } else if !files.contains(where: { $0.path == path }) {
                    try read(name, folder, path)
                }
            } catch {
                // A file where a pattern has a folder is another file.
                if error.code == ENOENT || (error.code == ENOTDIR && !isLink(name, folder)) { continue }
                skip(path, error)
            }
        }
    }

    private mutating func read(
        _ name: String, _ folder: borrowing FileDescriptor, _ path: String
    ) throws(SystemError) {
        // A FIFO must not hold us up.
        let file = try folder.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("read \(path)", code: EISDIR)
        }
        guard files.count < Self.countLimit else { throw SystemError("read \(path)", code: EMFILE) }
        files.append(File(path: path, content: try file.readAll(limit: Self.sizeLimit)))
    }

    private mutating func skip(_ path: String, _ error: SystemError) {
        let reason =
            switch error.code {
            case ELOOP, ENOTDIR: "it is a link, and links in the project are not followed"
            case EISDIR: "it is not an ordinary file"
            case EFBIG: "it has more than \(Self.sizeLimit / 1024) KiB"
            case EMFILE: "there are more than \(Self.countLimit) such files"
            default: error.reason
            }
        warnings.append("\(PrintableText.quoted(path)) is left out: \(reason).")
    }

    private borrowing func isLink(_ name: String, _ folder: borrowing FileDescriptor) -> Bool {
        var status = stat()
        return fstatat(folder.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0
            && status.st_mode & S_IFMT == S_IFLNK
    }

    /// In the order of their bytes, so that it is the same each time which one wins.
    private mutating func names(_ folder: borrowing FileDescriptor, matching part: String) -> [String] {
        guard let own = try? folder.open(".", O_RDONLY | O_DIRECTORY) else { return [] }
        let raw = own.release()
        guard let stream = fdopendir(raw) else {
            close(raw)
            return []
        }
        defer { closedir(stream) }
        var found: [String] = []
        while seen < Self.nameLimit, let entry = readdir(stream) {
            seen += 1
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name, name != ".", name != "..", EnvironmentFilePattern.matches(part, name) else { continue }
            found.append(name)
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
