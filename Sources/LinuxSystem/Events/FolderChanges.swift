import CLinux
import Glibc

/// `inotify(7)`: what is made, moved, removed or changed in folders, as readable events.
///
/// Concurrency: one thread reads; any thread may watch and unwatch.
public final class FolderChanges: Sendable {
    public struct Kinds: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let made = Kinds(rawValue: UInt32(IN_CREATE))
        public static let movedIn = Kinds(rawValue: UInt32(IN_MOVED_TO))
        public static let movedOut = Kinds(rawValue: UInt32(IN_MOVED_FROM))
        public static let removed = Kinds(rawValue: UInt32(IN_DELETE))
        /// The contents of a file.
        public static let written = Kinds(rawValue: UInt32(IN_MODIFY))
        /// The folder itself was removed.
        public static let gone = Kinds(rawValue: UInt32(IN_DELETE_SELF))
        /// Mode, owner or an extended attribute.
        public static let attributes = Kinds(rawValue: UInt32(IN_ATTRIB))
        /// The queue was full (`fs.inotify.max_queued_events`): events are missing from here on. Of no folder.
        public static let overflow = Kinds(rawValue: UInt32(IN_Q_OVERFLOW))
        /// The folder is not watched any more: it is gone, or somebody said so.
        public static let unwatched = Kinds(rawValue: UInt32(IN_IGNORED))
        /// It is about a folder in the folder.
        public static let folder = Kinds(rawValue: 0x4000_0000)  // IN_ISDIR
    }

    public struct Change: Sendable {
        /// What `watch` gave for the folder; -1 for an overflow.
        public let folder: Int32
        public let kinds: Kinds
        /// Of the entry, with its NUL; empty when it is about the folder itself.
        public let name: [CChar]
    }

    /// Bytes that one `read` takes: some 2,000 events with short names.
    static let bufferSize = 64 * 1024
    private static let headerSize = 16
    private let descriptor: FileDescriptor
    public var rawValue: Int32 { descriptor.rawValue }

    /// - Throws: `EMFILE` when this user has `fs.inotify.max_user_instances` already.
    public init() throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try retryingInterrupts("watch folders") {
                inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
            })
    }

    /// Watches what is in a folder; the folder itself, however it is named or moved, since it is reached by descriptor.
    /// - Returns: its number, the same as before when it was watched already.
    /// - Throws: `ENOSPC` when this user watches `fs.inotify.max_user_watches` folders and files already.
    public func watch(
        _ folder: borrowing InodeHandle, for kinds: Kinds = [.made, .movedIn, .movedOut, .removed, .attributes]
    ) throws(SystemError) -> Int32 {
        let excludeUnlinked: UInt32 = 0x0400_0000  // IN_EXCL_UNLINK
        let mask = kinds.rawValue | UInt32(IN_ONLYDIR) | excludeUnlinked
        let raw = descriptor.rawValue
        return try retryingInterrupts("watch a folder") { folder.withPath { inotify_add_watch(raw, $0, mask) } }
    }

    /// Watches a file, or what is in a folder, that nobody else can put something else in place of.
    /// - Returns: its number.
    /// - Throws: `ENOENT`; `ENOSPC` as above.
    public func watch(path: String, _ kinds: Kinds) throws(SystemError) -> Int32 {
        let raw = descriptor.rawValue
        return try retryingInterrupts("watch \(path)") { inotify_add_watch(raw, path, kinds.rawValue) }
    }

    /// One that is gone already is fine.
    public func unwatch(_ folder: Int32) { inotify_rm_watch(descriptor.rawValue, folder) }

    /// Takes what has happened, without waiting: the rest of it with the next call.
    /// - Returns: nothing when nothing has.
    public func read() throws(SystemError) -> [Change] {
        try withUnsafeTemporaryAllocation(byteCount: Self.bufferSize, alignment: 8) {
            (buffer) throws(SystemError) -> [Change] in
            switch try descriptor.read(into: buffer) {
            case .moved(let count): Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .wouldBlock, .endOfFile: []
            }
        }
    }

    /// `struct inotify_event`s, each with its padded name behind it.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [Change] {
        var changes: [Change] = []
        var start = 0
        while start + headerSize <= bytes.count {
            let folder = bytes.loadUnaligned(fromByteOffset: start, as: Int32.self)
            let mask = bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)
            let length = Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
            let end = start + headerSize + length
            guard end <= bytes.count else { break }
            let name = bytes[(start + headerSize)..<end].prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
            changes.append(Change(folder: folder, kinds: Kinds(rawValue: mask), name: name.isEmpty ? [] : name + [0]))
            start = end
        }
        return changes
    }
}
