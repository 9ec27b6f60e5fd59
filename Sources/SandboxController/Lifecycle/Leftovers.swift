import AgentProtocol
import FoundationEssentials
import Glibc

/// What a monitor that was killed could not remove from its sandbox's state folder: sockets that nobody listens on, and
/// files that were to be renamed into place. Whoever removes them holds the monitor's lock, so nobody is at work there.
struct Leftovers {
    private let directory: StateDirectory
    private let name: String

    init(of name: String, in directory: StateDirectory) {
        self.directory = directory
        self.name = name
    }

    /// Looked at without reading the folder: `list` asks for every sandbox.
    var areThere: Bool { sockets.contains { access($0, F_OK) == 0 } }

    func remove() {
        for socket in sockets { unlink(socket) }
        let folder = directory.stateFolder(name)
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where entry.contains(PrivateFiles.temporaryMark) { unlink("\(folder)/\(entry)") }
    }

    private var sockets: [String] {
        let vsock = directory.vsockSocket(name)
        return [directory.controlSocket(name), vsock, "\(vsock)_\(Ports.report)"]
    }
}
