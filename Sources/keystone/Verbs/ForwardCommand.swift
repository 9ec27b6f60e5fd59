import Glibc
import LinuxSystem
import SandboxController

/// `forward [NAME] [HOST:]GUEST…`.
enum ForwardCommand {
    static let name = "forward"
    static let user = Option.value(
        "user", "USER[:GROUP]", short: "u", "Connect to UNIX sockets as this user of the guest (default: as exec does)")

    static var command: Command {
        Command(
            name, summary: "Reach ports and sockets of a sandbox from this machine",
            surface: {
                Surface(
                    positionals: [
                        Positional("NAME", "The sandbox (default: that of the project you stand in)"),
                        Positional(
                            "[HOST:]GUEST", repeats: true, suggests: .nothing,
                            "A port or the path of a UNIX socket in the guest, and where it shall be on this machine"),
                    ],
                    options: [user],
                    discussion: [
                        "Runs until Ctrl-C or until the sandbox stops, and prints a line for each forward when all of them are ready. Connections travel over vsock, so no network is needed. Nothing listens in the guest for it.",
                        "GUEST is a TCP port on the guest's loopback, or a UNIX socket's absolute path. HOST is a port, an address with a port (127.0.0.1:8080, [::1]:8080), or a UNIX socket's path that begins with / or ./; left out, it is the same port. Without an address it is 127.0.0.1, which only this machine's users reach. Port 0 is any that is free. Sockets are made 0600 and removed at the end; a file that is there is never replaced.",
                        "A first argument that is neither a number nor has a colon or a slash is the NAME; before `--` it always is.",
                        "A UNIX socket is reached with the file rights of the user that exec runs commands as, without further groups; to what listens there the peer is root.",
                    ],
                    examples: [
                        .init("forward 3000", "Port 3000 of the guest as port 3000 here"),
                        .init("forward app 8080:3000 5432", "Two of the one named app, the first as port 8080"),
                        .init("forward 0:3000 --json", "As any free port, which a script then reads"),
                        .init("forward -u root ./docker.sock:/run/docker.sock", "A UNIX socket, as root of the guest"),
                        .init("forward 0.0.0.0:8080:3000", "For everybody who reaches this machine"),
                        .init("forward 2026 -- 3000", "Of a sandbox whose name is a number"),
                    ],
                    exitCodes: [.failure, .usage, .noSuchSandbox, .wrongState, .busy, .cancelled], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let (name, words) = try target(invocation)
        var forwards: [Forward] = []
        for word in words { forwards.append(try Forward(word.text)) }
        guard !forwards.isEmpty else { throw try PortsCommand.choice(name, invocation) }
        Signals.ignoreBrokenPipe()
        // Before any thread, so that all have the signals blocked.
        let interruption = try Interruption {}
        let complaints = ForwardComplaints(invocation.messages)
        let server = try ForwardServer(
            forwards, user: try userOption(invocation), sandbox: name, in: invocation.directory
        ) { complaints.say($0, $1) }
        do throws(ControllerError) { try announce(server.forwards, invocation) } catch {
            server.end()
            throw error
        }
        let end = server.run(until: interruption.rawValue)
        server.end()
        switch end {
        case .cancelled: return ExitCode.cancelled.rawValue
        case .sandboxEnded: throw invocation.controller.endOfForwarding(name)
        }
    }

    /// The sandbox meant, and the words that are forwards.
    private static func target(_ invocation: Invocation) throws(ControllerError) -> (name: String, words: [Word]) {
        let words = invocation.arguments.positionals
        let before = invocation.arguments.positionalsBeforeSeparator
        guard let first = words.first, before > 0, before < words.count || !Forward.isOne(first.text) else {
            return (try DefaultSandbox.find(from: Folder.current(), among: invocation.registry.places()).name, words)
        }
        return (try invocation.sandboxName(), Array(words.dropFirst()))
    }

    private static func userOption(_ invocation: Invocation) throws(ControllerError) -> String? {
        guard let word = invocation.arguments.last(user) else { return nil }
        guard !word.bytes.isEmpty, word.bytes.count <= 256 else {
            throw ControllerError(.usage, "--user needs the name or number of a user.")
        }
        return word.text
    }

    private struct Document: Encodable {
        let host: String
        let guest: String
    }

    /// In one write: whoever reads the first line may use all of them.
    private static func announce(_ forwards: [Forward], _ invocation: Invocation) throws(ControllerError) {
        for forward in forwards {
            if case .port(let address, _) = forward.host, !address.isLoopback {
                invocation.messages.warning("\(forward.host) is open to everybody who reaches this machine")
            }
        }
        var text = ""
        for forward in forwards {
            let (host, guest) = (forward.host.description, forward.guest.description)
            text +=
                invocation.globals.json
                ? try JSONText.line(Document(host: host, guest: guest))
                : "\(PrintableText.escaped(host)) -> \(PrintableText.escaped(guest))\n"
        }
        try StandardStream.announce(text)
    }
}
