import FoundationEssentials

/// Where everything lives. All folders are 0700 and all files 0600, made on demand.
///
/// ```
/// ROOT/sandboxes.json        registry            ROOT/sandboxes/NAME/state/state.json    how it is doing
/// ROOT/sandboxes.lock        its lock            …/state/monitor.lock   held for as long as the monitor lives
/// ROOT/images/HASH/          images              …/state/control.sock   the monitor's
/// ROOT/cache/                kernels, scratch    …/state/vsock.sock     the device's
///                                                …/state/console.log, machine.log, monitor.log, events.jsonl
///                                                …/workspace/           clone mode's work tree
/// ```
public struct StateDirectory: Equatable, Sendable {
    /// Absolute path.
    public let root: String

    public init(root: String) { self.root = root }

    /// `--state-dir`, else `KEYSTONE_AGENT_STATE_DIR`, else `$XDG_CONFIG_HOME/keystone/agent`, else `~/.config/keystone/agent`.
    /// - Parameter variable: looks one up in the environment.
    public static func resolve(option: String?, variable: (String) -> String?) -> StateDirectory {
        let chosen = option ?? variable("KEYSTONE_AGENT_STATE_DIR").flatMap { $0.isEmpty ? nil : $0 }
        return StateDirectory(root: absolute(chosen ?? configurationFolder(variable)))
    }

    /// The folder of `config.json`, which `--state-dir` does not move.
    public static func configurationFolder(_ variable: (String) -> String?) -> String {
        if let base = variable("XDG_CONFIG_HOME"), base.hasPrefix("/") { return base + "/keystone/agent" }
        return (variable("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path) + "/.config/keystone/agent"
    }

    public var registryFile: String { root + "/sandboxes.json" }
    public var registryLock: String { root + "/sandboxes.lock" }
    public var imagesFolder: String { root + "/images" }
    public var cacheFolder: String { root + "/cache" }
    public func sandboxFolder(_ name: String) -> String { root + "/sandboxes/" + name }
    public func stateFolder(_ name: String) -> String { sandboxFolder(name) + "/state" }
    public func controlSocket(_ name: String) -> String { stateFolder(name) + "/control.sock" }
    public func vsockSocket(_ name: String) -> String { stateFolder(name) + "/vsock.sock" }
    public func stateFile(_ name: String) -> String { stateFolder(name) + "/state.json" }
    public func monitorLock(_ name: String) -> String { stateFolder(name) + "/monitor.lock" }
    public func consoleLog(_ name: String) -> String { stateFolder(name) + "/console.log" }
    public func eventsFile(_ name: String) -> String { stateFolder(name) + "/events.jsonl" }
    public func machineLog(_ name: String) -> String { stateFolder(name) + "/machine.log" }
    public func monitorLog(_ name: String) -> String { stateFolder(name) + "/monitor.log" }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
