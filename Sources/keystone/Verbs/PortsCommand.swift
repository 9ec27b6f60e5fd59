import SandboxController

/// `ports [NAME]`.
enum PortsCommand {
    static var command: Command {
        Command(
            "ports", summary: "List the TCP ports that something in a sandbox listens on",
            surface: {
                Surface(
                    positionals: [Positional("NAME", "The sandbox (default: that of the project you stand in)")],
                    discussion: [
                        "As the guest's agent reported last, which it does as soon as a port is listened on. What listens on another address than the guest's loopback or all of them can't be forwarded."
                    ],
                    examples: [
                        .init("ports", "Those of the project you stand in, and what to type to reach each"),
                        .init("ports app --json", "For a script"),
                    ],
                    exitCodes: [.success, .failure, .usage, .noSuchSandbox, .wrongState], showsJSON: true)
            }, run: run)
    }

    private struct Document: Encodable {
        let port: UInt16
        let address: String
        let forwardable: Bool
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let name = try invocation.sandboxName()
        let ports = try invocation.controller.listeningPorts(name)
        if invocation.globals.json {
            try StandardStream.result(
                JSONText.of(
                    ports.map { Document(port: $0.port, address: $0.address, forwardable: $0.isForwardable) }))
        } else if ports.isEmpty {
            invocation.messages.note("nothing in sandbox \(name) listens on a TCP port")
        } else {
            let rows = ports.map { port in
                ["\(port.port)", port.address, port.isForwardable ? line(name, port.port, invocation) : "-"]
            }
            try StandardStream.result(
                HelpTable.columns([["PORT", "ADDRESS", "TO REACH IT"]] + rows, style: TextStyle(descriptor: 1)))
        }
        return ExitCode.success.rawValue
    }

    /// What one types to reach a port.
    private static func line(_ name: String, _ port: UInt16, _ invocation: Invocation) -> String {
        let named = invocation.arguments.positionals.isEmpty ? "" : Forward.isOne(name) ? " \(name) --" : " \(name)"
        // Ports below 1024 are root's on the host, too.
        return "\(invocation.program) forward\(named) \(port < 1024 ? "\(Int(port) + 8000):\(port)" : "\(port)")"
    }

    /// For whoever wants to forward and doesn't say what.
    static func choice(_ name: String, _ invocation: Invocation) throws(ControllerError) -> ControllerError {
        let ports = try invocation.controller.listeningPorts(name).filter(\.isForwardable).map(\.port)
        let choice = ports.reduce(into: [UInt16]()) { if $0.last != $1 { $0.append($1) } }
        guard let first = choice.first else {
            return ControllerError(
                .usage, "It isn't said what to forward, and nothing in sandbox \(name) listens on a TCP port now.",
                advice: "Say the port: \(line(name, 8080, invocation))")
        }
        return ControllerError(
            .usage,
            "It isn't said what to forward. In sandbox \(name) \(choice.count == 1 ? "this port is" : "these ports are") listened on: \(choice.prefix(20).map(String.init).joined(separator: ", ")).",
            advice: "Say which: \(line(name, first, invocation))")
    }
}
