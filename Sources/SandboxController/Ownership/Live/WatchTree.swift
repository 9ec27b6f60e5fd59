/// The folders that are watched, each by the number of its watch, and where they are: their parent and their name in it.
///
/// It follows what events say, and events are late: a path from here is where a folder was. So a path is only ever walked
/// from the project's folder down, name by name and without following a link, and whatever is there now is what is judged.
struct WatchTree {
    /// Folders below the project's own. Deeper ones, which are ten times what people have, would make every look at them a
    /// long walk.
    static let depthLimit = 256

    enum Attachment {
        case done, tooDeep
        /// Below itself, as it seems: what is known of these folders is out of date.
        case circular
    }

    private struct Node {
        /// nil while it is nowhere: moved away or removed, as the last event said.
        var parent: Int32?
        /// With its NUL.
        var name: [CChar]
        /// Of the last look at everything that found it.
        var round: Int
    }

    let top: Int32
    private var nodes: [Int32: Node] = [:]
    private var children: [Int32: [[CChar]: Int32]] = [:]
    private var nowhere: Set<Int32> = []

    init(top: Int32) {
        self.top = top
        nodes[top] = Node(parent: nil, name: [], round: .max)
    }

    var count: Int { nodes.count }
    func contains(_ folder: Int32) -> Bool { nodes[folder] != nil }

    /// From the top down; nil for a folder that is nowhere, or not known.
    func names(of folder: Int32) -> [[CChar]]? {
        var names: [[CChar]] = []
        var next = folder
        while next != top {
            guard let node = nodes[next], let parent = node.parent, names.count <= Self.depthLimit else { return nil }
            names.append(node.name)
            next = parent
        }
        return names.reversed()
    }

    /// Puts a folder where it was found, wherever it was before.
    mutating func attach(_ folder: Int32, to parent: Int32, as name: [CChar], round: Int) -> Attachment {
        guard folder != top else { return .circular }
        var (next, depth) = (parent, 1)
        while next != top {
            guard next != folder, let above = nodes[next]?.parent else { return .circular }
            (next, depth) = (above, depth + 1)
            if depth > Self.depthLimit { return .tooDeep }
        }
        forgetPlace(of: folder)
        if let other = children[parent]?[name], other != folder { detach(other) }
        nodes[folder] = Node(parent: parent, name: name, round: round)
        children[parent, default: [:]][name] = folder
        nowhere.remove(folder)
        return .done
    }

    /// What was there by this name is nowhere now.
    mutating func detach(_ name: [CChar], in parent: Int32) {
        if let folder = children[parent]?[name] { detach(folder) }
    }

    private mutating func detach(_ folder: Int32) {
        forgetPlace(of: folder)
        nodes[folder]?.parent = nil
        nowhere.insert(folder)
    }

    private mutating func forgetPlace(of folder: Int32) {
        guard let node = nodes[folder], let parent = node.parent, children[parent]?[node.name] == folder else { return }
        children[parent]?[node.name] = nil
        if children[parent]?.isEmpty == true { children[parent] = nil }
    }

    /// It is not watched any more.
    mutating func remove(_ folder: Int32) {
        guard folder != top else { return }
        forgetPlace(of: folder)
        for child in (children[folder] ?? [:]).values { detach(child) }
        nodes[folder] = nil
        nowhere.remove(folder)
    }

    /// Forgets what is nowhere, and what is below that. - Returns: the watches to be given up.
    mutating func takeNowhere() -> [Int32] {
        var gone: [Int32] = []
        while let folder = nowhere.first {
            remove(folder)
            gone.append(folder)
        }
        return gone
    }

    /// Forgets what no look at everything has found since. - Returns: the watches to be given up.
    mutating func takeOlder(than round: Int) -> [Int32] {
        let old = nodes.filter { $0.value.round < round }.map(\.key)
        for folder in old { remove(folder) }
        return old
    }
}
