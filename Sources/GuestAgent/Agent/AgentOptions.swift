import AgentProtocol
import VsockTransport

/// How `keystone-guest-agent serve` is to run. The defaults are those of a guest; the rest serves tests and other carriers.
public struct AgentOptions: Equatable, Sendable {
    public enum ControlGroups: Equatable, Sendable {
        /// Where the agent finds that it may.
        case find
        /// Below this cgroup v2 directory, which is made where it is missing.
        case below(String)
        case none
    }

    /// Where to listen on `Ports.operations`.
    public var listen = VsockAddress.vsock(cid: .max)
    /// Where to dial `Ports.report`; nil leaves the host to find out by itself.
    public var report: VsockAddress? = .vsock(cid: Ports.hostCID)
    /// The boot credential's file; nil for `BootCredential.defaultPath`.
    public var credentialPath: String?
    public var controlGroups = ControlGroups.find
    /// Who commands run as when neither the request nor the credential says.
    public var user = "root"
    /// The root directory to provision where it is not the guest's own. Without it an agent on UNIX sockets, which may run
    /// anywhere, provisions nothing.
    public var provisionRoot: String?
    /// An inherited descriptor; the hello waits until it reads as ended or fails. nil says hello at once.
    public var helloAfter: Int32?

    public init() {}

    /// A sentence for the user.
    public struct UsageError: Error, Equatable, Sendable { public let message: String }

    /// Reads what follows `serve`.
    public init(arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else {
                throw UsageError(message: "\(option) needs a value or is unknown.")
            }
            switch option {
            case "--listen": listen = try AgentOptions.address(value)
            case "--report": report = value == "none" ? nil : try AgentOptions.address(value)
            case "--credential": credentialPath = value
            case "--cgroup": controlGroups = value == "none" ? .none : .below(value)
            case "--user": user = value
            case "--provision-root": provisionRoot = value
            case "--hello-after":
                guard let number = Int32(value), number > 2 else {
                    throw UsageError(message: "\(value) is not the number of a descriptor above 2.")
                }
                helloAfter = number
            default: throw UsageError(message: "Unknown option \(option).")
            }
        }
    }

    private static func address(_ text: String) throws(UsageError) -> VsockAddress {
        if text == "vsock" { return .vsock(cid: Ports.hostCID) }
        if text.hasPrefix("unix:"), text.utf8.count > 5 { return .unix(path: String(text.dropFirst(5))) }
        throw UsageError(message: "\(text) is not an address: use vsock or unix:PATH.")
    }

    /// Over AF_VSOCK only the host may talk to the agent.
    var requiredPeer: UInt32? { if case .vsock = listen { Ports.hostCID } else { nil } }
    /// An agent on UNIX sockets may run anywhere, so it must not end the machine it is on.
    var mayPowerOff: Bool { requiredPeer != nil }
}
