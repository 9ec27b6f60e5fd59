import AgentProtocol
import FoundationEssentials
import LinuxSystem

/// Which tokens a person's sandboxes get: the known variables that are set, changed and completed by `tokens` in `config.json`.
public struct TokenSources: Equatable, Sendable {
    /// By name. nil: never, though the variable is set.
    public var configured: [String: TokenSource?] = [:]

    public init() {}

    /// Where a token of this name would come from; nil when nobody said.
    public func source(of name: String) -> TokenSource? {
        if let said = configured[name] { return said }
        return TokenNames.known.contains(name) ? .environment(name) : nil
    }

    /// All that may have a value here, by name.
    public var names: [String] {
        Set(TokenNames.known).union(configured.keys).filter { source(of: $0) != nil }.sorted()
    }

    /// Reads the sources of the tokens named, or of all.
    /// - Parameters:
    ///   - environment: for programs and for `~`; variables are read from the process itself, byte for byte.
    ///   - warning: gets sentences about what is passed over.
    /// - Returns: those that have a value.
    /// - Throws: for a file or a command that does not give what it was configured to give.
    public func read(
        _ names: [String]? = nil, environment: [String: String], warning: (String) -> Void
    ) throws(ControllerError) -> TokenSet {
        CoreDumps.forbidForAll()
        var found: [HeldToken] = []
        for name in names ?? self.names {
            guard let source = source(of: name) else { continue }
            if let value = try source.read(name, environment: environment),
                let held = HeldToken(name: name, value: value, source: source.text)
            {
                found.append(held)
            } else if case .environment(let variable) = source, configured[name] != nil {
                warning("the token \(name) is left out: the variable \(variable) is not set here")
            }
        }
        var set = TokenSet()
        try set.put(found)
        return set
    }
}
