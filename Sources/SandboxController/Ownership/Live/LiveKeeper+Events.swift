import LinuxSystem

extension LiveKeeper {
    /// Takes what `changes` gave.
    func take(_ batch: [FolderChanges.Change]) {
        var touched: [Int32: Set<[CChar]>] = [:]
        for change in batch {
            if change.kinds.contains(.overflow) {
                isBehind = true
            } else if change.kinds.contains(.unwatched) {
                forget(change.folder)
            } else if change.name.isEmpty {
                if change.folder == tree.top, let status = try? top.handle.status() {
                    // Its owner is whom files belong to, and its mode says what others may have.
                    rules = Self.rules(FileOwner(userID: status.st_uid, groupID: status.st_gid), status)
                }
            } else if change.kinds.contains(.folder), change.kinds.isDisjoint(with: .attributes) {
                folderMoved(change)
            } else if change.kinds.isDisjoint(with: [.movedOut, .removed]) {
                touched[change.folder, default: []].insert(change.name)
            } else if let names = manyNames.removeValue(forKey: change.folder) {
                manyNamesCount -= names.count
                touched[change.folder, default: []].formUnion(names)
            }
        }
        for (folder, names) in touched {
            guard let open = reach(folder) else {
                noteMissed(folder)
                continue
            }
            for name in names { judge(name, in: open, folder, judgesFolders: true) }
        }
    }

    /// When no event waits: what is still nowhere has left the project.
    func tidy() {
        for folder in tree.takeNowhere() {
            changes.unwatch(folder)
            forget(folder)
        }
        reached = nil
    }

    private func folderMoved(_ change: FolderChanges.Change) {
        reached = nil
        guard !change.kinds.isDisjoint(with: [.made, .movedIn]) else {
            return tree.detach(change.name, in: change.folder)
        }
        guard let folder = reach(change.folder) else { return noteMissed(change.folder) }
        let known = tree.count
        guard let found = adopt(change.name, in: folder, change.folder) else { return }
        // A folder that was watched before is as it was; a new one may have been filled before it was watched.
        if tree.count > known { scan(found) }
        for waiting in missed where reach(waiting) != nil {
            missed.remove(waiting)
            scan(waiting)
        }
    }

    private func forget(_ folder: Int32) {
        tree.remove(folder)
        missed.remove(folder)
        if let names = manyNames.removeValue(forKey: folder) { manyNamesCount -= names.count }
        if reached?.number == folder { reached = nil }
    }

    func noteMissed(_ folder: Int32) {
        guard tree.contains(folder) else { return }
        if missed.count < Self.manyNamesLimit { missed.insert(folder) } else { isBehind = true }
    }
}
