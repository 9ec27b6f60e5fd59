import Glibc
import LinuxSystem

extension LiveKeeper {
    /// Opens a watched folder where it is now.
    func reach(_ number: Int32) -> Folder? {
        if let reached, reached.number == number { return reached.folder }
        guard let names = tree.names(of: number) else { return nil }
        var folder = top
        for name in names {
            guard let next = try? InodeHandle(name, in: folder.handle, folderOnly: true) else { return nil }
            folder = Folder(next)
        }
        reached = (number, folder)
        return folder
    }

    /// Judges a folder, and watches it.
    /// - Returns: its number; nil when it is gone or can't be watched.
    func adopt(_ name: [CChar], in parent: Folder, _ number: Int32) -> Int32? {
        do throws(SystemError) {
            let entry = try InodeHandle(name, in: parent.handle, folderOnly: true)
            let place = try entry.place()
            guard bounds.contain(place) else { return nil }
            rules.judge(entry, place.status, &report) { [] }
            let found = try changes.watch(entry)
            guard tree.contains(found) || tree.count < limit.folders else {
                changes.unwatch(found)
                return cannotWatch(limit.obstacle)
            }
            switch tree.attach(found, to: number, as: name, round: round) {
            case .done: return found
            case .circular:
                isBehind = true
                return nil
            case .tooDeep:
                changes.unwatch(found)
                tree.remove(found)
                return cannotWatch(.depth)
            }
        } catch {
            switch error.code {
            case ENOSPC: return cannotWatch(.systemLimit)
            case EACCES: return cannotWatch(.notPermitted)
            default: return nil
            }
        }
    }

    private func cannotWatch(_ why: WatchSummary.Obstacle) -> Int32? {
        (unwatched, obstacle) = (unwatched + 1, obstacle ?? why)
        return nil
    }

    /// - Returns: whether it is a folder.
    @discardableResult
    func judge(
        _ name: [CChar], in folder: Folder, _ number: Int32, judgesFolders: Bool = false
    ) -> Bool {
        do throws(SystemError) {
            let entry = try InodeHandle(name, in: folder.handle)
            let place = try entry.place()
            let (status, isFolder) = (place.status, place.isFolder)
            if isFolder && !judgesFolders { return true }
            guard bounds.contain(place) else { return isFolder }
            if judgesFolders, !isFolder, status.st_nlink > 1 { remember(name, in: number) }
            rules.judge(entry, status, &report) { [] }
            return isFolder
        } catch {
            return false
        }
    }

    private func remember(_ name: [CChar], in folder: Int32) {
        if manyNamesCount >= Self.manyNamesLimit { (manyNames, manyNamesCount) = ([:], 0) }
        if manyNames[folder, default: []].insert(name).inserted { manyNamesCount += 1 }
    }
}

extension InodeHandle {
    fileprivate init(_ name: [CChar], in folder: borrowing InodeHandle, folderOnly: Bool = false) throws(SystemError) {
        guard name.last == 0 else { throw SystemError("open an entry", code: ENOENT) }
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: name.count)
        defer { pointer.deallocate() }
        for (index, byte) in name.enumerated() { pointer[index] = byte }
        try self.init(UnsafePointer(pointer), in: folder, folderOnly: folderOnly)
    }
}
