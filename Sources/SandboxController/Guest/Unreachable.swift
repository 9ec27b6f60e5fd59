import LinuxSystem

/// The true sentence when a sandbox's monitor does not answer. Off the fast path: it reads the registry and the state.
enum Unreachable {
    static func explain(_ name: String, in directory: StateDirectory) -> ControllerError {
        do throws(ControllerError) {
            try SandboxName.validate(name)
            let records = try Registry(directory: directory).read()
            guard records.contains(where: { $0.name == name }) else {
                let near = Similarity.closest(to: name, among: records.map(\.name))
                return ControllerError(
                    .noSuchSandbox, "There is no sandbox named \(PrintableText.quoted(name)).",
                    advice: near.map { "Did you mean \($0)?" } ?? "`keystone agent list` shows those there are.")
            }
            let status = try SandboxController(directory: directory).status(name)
            switch status.state {
            case .error(_, let reason):
                return ControllerError(
                    .notRunning, "Sandbox \(name) is not running: \(reason)",
                    advice: status.file?.advice ?? "Start it with `keystone agent start --name \(name)`.")
            default:
                return ControllerError(
                    .notRunning, "Sandbox \(name) is \(status.state.word), not running.",
                    advice: "Start it with `keystone agent start --name \(name)`.")
            }
        } catch {
            return error
        }
    }
}
