import CLinux
import Glibc
import LinuxSystem

/// Gives a home, and what in it belongs to the home's old owner, to its new one.
///
/// By descriptor: each entry is opened by O_PATH without following a link, looked at, and changed as what was looked at. It
/// stays on the home's file system. The home itself comes last, so a walk that was cut short is begun again.
struct OwnerRepair {
    let userID: UInt32
    let groupID: UInt32
    private(set) var changed = 0
    /// What was left: of a system account and with a second name, which may be outside of the home.
    private(set) var suspicious = 0
    private(set) var failed = 0

    /// Levels below the home. One costs a descriptor.
    private static let depthLimit = 1024
    private static let emptyPath: Int32 = 0x1000  // AT_EMPTY_PATH, which glibc shows only with _GNU_SOURCE.

    private let home: stat

    init(userID: UInt32, groupID: UInt32, home: stat) {
        self.userID = userID
        self.groupID = groupID
        self.home = home
    }

    mutating func run(_ folder: borrowing GuestFolder) throws(StepFailure) {
        var open = [try StepFailure.wrapping { () throws(SystemError) in try Level(folder.descriptor, ".") }]
        while let level = open.last {
            guard let name = level.next() else {
                open.removeLast()
                continue
            }
            guard let below = visit(name, in: level) else { continue }
            if open.count < OwnerRepair.depthLimit { open.append(below) } else { failed += 1 }
        }
        if failed > 0 {
            throw StepFailure("\(failed) files and folders in \(folder.path) could not be given to user \(userID)")
        }
        try folder.setOwner(userID, groupID)
    }

    /// - Returns: the entry, opened to be walked, when it is a folder of this file system.
    private mutating func visit(_ name: [CChar], in level: Level) -> Level? {
        let number = openat(level.number, name, Int32(KS_O_PATH) | O_NOFOLLOW | O_CLOEXEC)
        // Gone meanwhile is fine.
        guard number >= 0 else {
            if errno != ENOENT { failed += 1 }
            return nil
        }
        let entry = FileDescriptor(owning: number)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_dev == home.st_dev else { return nil }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        give(number, status, isFolder: isFolder)
        guard isFolder else { return nil }
        do throws(SystemError) { return try Level(entry, ".") } catch {
            failed += 1
            return nil
        }
    }

    private mutating func give(_ number: Int32, _ status: stat, isFolder: Bool) {
        let isUsers = status.st_uid == home.st_uid
        let isGroups = status.st_gid == home.st_gid && groupID != home.st_gid
        guard isUsers, isGroups || userID != home.st_uid else { return }
        // Where hard links are not protected (proc_sys_fs(5)), anybody can link a file of root's into his home.
        if home.st_uid < UserStep.systemIDs, !isFolder, status.st_nlink > 1 {
            suspicious += 1
            return
        }
        if fchownat(number, "", userID, isGroups ? groupID : .max, OwnerRepair.emptyPath) == 0 {
            changed += 1
        } else {
            failed += 1
        }
    }

    /// An open folder and where its listing is.
    private final class Level {
        let stream: OpaquePointer
        let number: Int32

        init(_ parent: borrowing FileDescriptor, _ name: String) throws(SystemError) {
            let folder = try parent.open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            number = folder.release()
            guard let stream = fdopendir(number) else {
                let error = SystemError("list a folder")
                close(number)
                throw error
            }
            self.stream = stream
        }

        deinit { closedir(stream) }

        /// The next name with its terminator.
        func next() -> [CChar]? {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
                }
                let dot = CChar(bitPattern: UInt8(ascii: "."))
                if name != [dot], name != [dot, dot] { return name + [0] }
            }
            return nil
        }
    }
}
