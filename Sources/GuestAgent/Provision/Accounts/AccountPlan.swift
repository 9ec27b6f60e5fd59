import AgentProtocol

/// The account files as they must be for a user to have certain ids. Pure: reads and writes nothing.
struct AccountPlan {
    var accounts: AccountTable
    var groups: AccountTable
    /// Of each collision, how it was resolved.
    private(set) var notes: [String] = []
    private(set) var isNewUser = false

    init(accounts: AccountTable, groups: AccountTable) {
        self.accounts = accounts
        self.groups = groups
    }

    mutating func settle(_ user: ProvisionRequest.User, shell: String) {
        settleGroup(user)
        settleUser(user, shell)
    }

    /// A system group keeps its id, because files of the system belong to it; the user joins it. Another one makes room.
    private mutating func settleGroup(_ user: ProvisionRequest.User) {
        for holder in groups.indices(with: user.groupID) where groups.name(holder) != user.name {
            if user.groupID < UserStep.systemIDs {
                notes.append("The primary group is the guest's group \(groups.name(holder)) (\(user.groupID)).")
                return
            }
            let free = groups.freeID
            renumber(holder, from: user.groupID, to: free, but: user.name)
            notes.append("Group \(groups.name(holder)) had id \(user.groupID) and got \(free).")
        }
        guard let own = groups.index(of: user.name) else {
            return groups.append([user.name, "x", String(user.groupID), ""])
        }
        if let old = groups.number(own, 2), old != user.groupID {
            renumber(own, from: old, to: user.groupID, but: user.name)
        } else {
            groups.set(own, 2, to: user.groupID)
        }
    }

    /// Whose primary group it is stays in it.
    private mutating func renumber(_ group: Int, from old: UInt32, to new: UInt32, but user: String) {
        groups.set(group, 2, to: new)
        for account in accounts.indices where accounts.number(account, 3) == old && accounts.name(account) != user {
            accounts.set(account, 3, to: new)
        }
    }

    /// A system account keeps its id too, behind the user's line: the id then shows as the user's name.
    private mutating func settleUser(_ user: ProvisionRequest.User, _ shell: String) {
        if let own = accounts.index(of: user.name) {
            accounts.set(own, 2, to: user.userID)
            accounts.set(own, 3, to: user.groupID)
        } else {
            isNewUser = true
            accounts.append([
                user.name, "x", String(user.userID), String(user.groupID), user.name, "/home/\(user.name)", shell,
            ])
        }
        for holder in accounts.indices(with: user.userID) where accounts.name(holder) != user.name {
            let name = accounts.name(holder)
            if user.userID < UserStep.systemIDs {
                notes.append("System account \(name) has id \(user.userID) too and stands behind \(user.name).")
                if let own = accounts.index(of: user.name) { accounts.move(own, before: holder) }
            } else {
                let free = accounts.freeID
                accounts.set(holder, 2, to: free)
                notes.append("Account \(name) had id \(user.userID) and got \(free); its files did not follow.")
            }
        }
    }
}
