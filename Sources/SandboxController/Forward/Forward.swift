import FoundationEssentials
import LinuxSystem

/// A way from this machine into a guest: who connects to `host` is connected to `guest`.
///
/// As a word it is `[HOST:]GUEST`. GUEST is a port or an absolute path of a UNIX socket in the guest; HOST is a port, an address
/// with a port, or a path that begins with `/`, `./` or `../`. A word that could be cut in several places is cut at the last.
public struct Forward: Equatable, Sendable {
    public enum Host: Equatable, Sendable, CustomStringConvertible {
        /// Port 0 is any that is free.
        case port(InternetAddress, UInt16)
        case path(String)

        public var description: String {
            switch self {
            case .port(let address, let port): address.isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
            case .path(let path): path
            }
        }
    }

    public enum Guest: Equatable, Sendable, CustomStringConvertible {
        case port(UInt16)
        case path(String)

        public var description: String {
            switch self {
            case .port(let port): "\(port)"
            case .path(let path): path
            }
        }
    }

    public var host: Host
    public var guest: Guest

    public init(host: Host, guest: Guest) {
        self.host = host
        self.guest = guest
    }

    /// Whether a word can only be a forward: no sandbox's name has a colon or a slash, and a number is a port.
    public static func isOne(_ word: String) -> Bool {
        word.contains(":") || word.contains("/") || (!word.isEmpty && word.allSatisfy(\.isASCIIDigit))
    }

    /// - Throws: `usage` with a sentence that says how it is written.
    public init(_ word: String) throws(ControllerError) {
        guard let cut = Forward.cut(word) else {
            guest = try Forward.guest(word[...], in: word)
            guard case .port(let port) = guest else {
                throw ControllerError(
                    .usage, "\(PrintableText.quoted(word)) doesn't say where on this machine.",
                    advice: "Put a socket or a port before it: `./guest.sock:\(word)` or `8080:\(word)`.")
            }
            host = .port(.loopback4, port)
            return
        }
        guest = try Forward.guest(word[word.index(after: cut)...], in: word)
        host = try Forward.host(word[..<cut], in: word)
    }

    /// The colon between HOST and GUEST; nil where there is only one of them.
    private static func cut(_ word: String) -> String.Index? {
        var rest = word[...]
        while let colon = rest.lastIndex(of: ":") {
            let behind = word[word.index(after: colon)...]
            if behind.hasPrefix("/") || (!behind.isEmpty && behind.allSatisfy(\.isASCIIDigit)) { return colon }
            rest = word[..<colon]
        }
        return nil
    }

    private static func guest(_ text: Substring, in word: String) throws(ControllerError) -> Guest {
        if text.hasPrefix("/") {
            guard !text.utf8.contains(0), text.utf8.count <= 4096 else { throw wrong(word) }
            return .path(String(text))
        }
        guard let port = port(text), port > 0 else { throw wrong(word) }
        return .port(port)
    }

    private static func host(_ text: Substring, in word: String) throws(ControllerError) -> Host {
        if ["/", "./", "../"].contains(where: { text.hasPrefix($0) }), !text.hasSuffix("/"), !text.utf8.contains(0) {
            return .path(String(text))
        }
        guard let colon = text.lastIndex(of: ":") else {
            guard let port = port(text) else { throw wrong(word) }
            return .port(.loopback4, port)
        }
        var name = text[..<colon]
        guard let port = port(text[text.index(after: colon)...]) else { throw wrong(word) }
        if name == "localhost" { return .port(.loopback4, port) }
        if name.hasPrefix("["), name.hasSuffix("]") {
            name = name.dropFirst().dropLast()
            guard let address = InternetAddress(String(name)), address.isIPv6 else { throw wrong(word) }
            return .port(address, port)
        }
        guard let address = InternetAddress(String(name)), !address.isIPv6 else {
            throw ControllerError(
                .usage, "\(PrintableText.quoted(String(name))) is no address of this machine.",
                advice: "Write it as a number: 127.0.0.1 or, of version 6, in brackets: [::1].")
        }
        return .port(address, port)
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.allSatisfy(\.isASCIIDigit) ? UInt16(text) : nil
    }

    private static func wrong(_ word: String) -> ControllerError {
        ControllerError(
            .usage, "\(PrintableText.quoted(word)) is no forward.",
            advice:
                "Write [HOST:]GUEST: 3000, 8080:3000, 0.0.0.0:8080:3000 or ./docker.sock:/run/docker.sock; ports go up to 65535."
        )
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension Forward {
    /// As it is recorded, for readers who stand elsewhere.
    var note: ForwardNote {
        guard case .path(let path) = host, !path.hasPrefix("/") else {
            return ForwardNote(host: host.description, guest: guest.description)
        }
        let folder = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        return ForwardNote(host: folder.appendingPathComponent(path).standardized.path, guest: guest.description)
    }
}
