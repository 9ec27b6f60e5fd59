import AgentProtocol
import Glibc
import LinuxSystem
import VsockTransport

/// An agent that serves: listener first, then the hello, so that a host which gets the hello can dial at once.
///
/// Concurrency: made and stopped by one thread; see `AgentServer` for the others.
public final class RunningAgent: Sendable {
    private let server: AgentServer
    private let launcher: ExecLauncher

    public struct StartError: Error, Sendable, CustomStringConvertible { public let description: String }

    /// - Parameter helloMilliseconds: how long a peer may take to say who it is and what it wants.
    public init(_ options: AgentOptions, helloMilliseconds: Int = 10_000) throws(StartError) {
        let credential = try RunningAgent.credential(options)
        let listener = try RunningAgent.listener(options)
        do throws(SystemError) {
            let power = options.mayPowerOff ? MachinePower.detect() : nil
            let tree = RunningAgent.tree(options)
            var features: Features = tree == nil ? [.health, .forwarding] : [.cgroups, .health, .forwarding]
            if power != nil { features.insert(.power) }
            let root = RunningAgent.provisionRoot(options)
            if root != nil { features.formUnion([.provisioning, .ownership]) }
            // The host may dial from here on; what it asks for waits in the listener until the workers start.
            let news = options.report == nil ? nil : try SessionNews()
            let sessions = SessionTable(news: news)
            if let report = options.report {
                try ReportChannel(
                    address: report, credential: credential, features: features, sessions: sessions, news: news,
                    after: options.helloAfter
                ).start()
            }
            let system = try GuestSystem(root: root ?? .own)
            let defaults = SessionDefaults(
                user: root.flatMap(RememberedUser.read) ?? credential.defaultUser ?? options.user)
            launcher = ExecLauncher(
                system: system, groups: tree.flatMap { try? GroupPool($0) },
                defaults: defaults, sessions: sessions,
                openFiles: AgentService.raiseDescriptorLimit())
            let handler = ConnectionHandler(
                credential: credential, launcher: launcher, power: power,
                provisioner: root.map { RunningAgent.provisioner($0, system, defaults) },
                ownership: root.map(OwnershipFixer.init),
                forwarder: Forwarder(users: system.users, defaults: defaults), features: features,
                helloMilliseconds: helloMilliseconds)
            server = AgentServer(listener: listener, handler: handler)
            try server.start()
        } catch {
            throw StartError(description: "the agent can't start: \(error)")
        }
    }

    /// Sessions that run now.
    public var sessionCount: Int { launcher.sessions.count }

    public func stop() { server.stop() }

    private static func credential(_ options: AgentOptions) throws(StartError) -> BootCredential {
        let path = options.credentialPath ?? BootCredential.defaultPath
        do throws(SystemError) {
            if let credential = BootCredential(text: try SmallFile.read(path, limit: 4096)) { return credential }
        } catch {
            throw StartError(description: "the boot credential can't be read: \(error)")
        }
        throw StartError(description: "the boot credential in \(path) is not one of version 1")
    }

    private static func listener(_ options: AgentOptions) throws(StartError) -> VsockListener {
        do throws(TransportError) {
            return try VsockListener(options.listen, port: Ports.operations, requiredPeer: options.requiredPeer)
        } catch {
            throw StartError(description: error.message)
        }
    }

    /// - Returns: nil where the agent must not provision, or can't.
    private static func provisionRoot(_ options: AgentOptions) -> GuestRoot? {
        guard geteuid() == 0 else { return nil }
        if let path = options.provisionRoot { return GuestRoot(path) }
        return options.requiredPeer == nil ? nil : .own
    }

    private static func provisioner(
        _ root: GuestRoot, _ system: GuestSystem, _ defaults: SessionDefaults
    ) -> Provisioner {
        Provisioner(
            ProvisionedGuest(
                root: root, machine: root.isOwn ? OwnMachine() : ForeignMachine(), users: system.users,
                defaults: defaults, programPath: String(decoding: system.systemPath.entry.dropFirst(5), as: UTF8.self)))
    }

    private static func tree(_ options: AgentOptions) -> ControlGroupTree? {
        switch options.controlGroups {
        case .find: ControlGroupTree(base: nil)
        case .below(let path): ControlGroupTree(base: path)
        case .none: nil
        }
    }
}
