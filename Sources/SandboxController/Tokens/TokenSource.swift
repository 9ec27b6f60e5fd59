import AgentProtocol
import FoundationEssentials
import Glibc
import LinuxSystem

/// Where a token's value comes from, on this host.
public enum TokenSource: Equatable, Sendable {
    /// The variable of this name, of whoever types `start` or `tokens rotate`.
    case environment(String)
    /// A file's whole content but one line feed at its end.
    case file(String)
    /// What a program prints, but one line feed at its end. Words as they are, no shell.
    case command([String])

    /// Milliseconds that a command may take: somebody may have to type a passphrase.
    static let commandTimeLimit = 60_000

    /// For lists and sentences. Of a command only its program's name: there may be secrets in its arguments.
    public var text: String {
        switch self {
        case .environment(let name): "variable \(name)"
        case .file(let path): "file \(PrintableText.escaped(path))"
        case .command(let words): "command \(PrintableText.escaped(Folder.lastName(words.first ?? "")))"
        }
    }

    /// - Returns: nil for a variable that is not set.
    /// - Throws: a sentence that names the token and never its value.
    func read(_ name: String, environment: [String: String]) throws(ControllerError) -> TokenValue? {
        var bytes: [UInt8]
        switch self {
        case .environment(let variable):
            guard let pointer = getenv(variable) else { return nil }
            bytes = Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
            // An empty variable is how shells take one away.
            if bytes.isEmpty { return nil }
        case .file(let path): bytes = Self.trimmed(try Self.content(of: path, for: name, environment))
        case .command(let words): bytes = Self.trimmed(try Self.output(of: words, for: name, environment))
        }
        defer { SecretMemory.wipe(&bytes) }
        return try Self.value(bytes, name, from: text)
    }

    /// - Throws: `usage` for none, or too much.
    static func value(_ bytes: [UInt8], _ name: String, from source: String) throws(ControllerError) -> TokenValue {
        guard !bytes.isEmpty else {
            throw ControllerError(.usage, "The token \(name) is empty (\(source)).")
        }
        guard let value = TokenValue(bytes) else {
            throw ControllerError(
                .usage, "The token \(name) has more than \(TokenValue.sizeLimit / 1024) KiB (\(source)).")
        }
        return value
    }

    /// Without one line feed at the end, which an editor or `echo` put there.
    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes
    }

    /// Links are followed: agenix and sops show their files by way of one.
    private static func content(
        of path: String, for name: String, _ environment: [String: String]
    ) throws(ControllerError) -> [UInt8] {
        let shown = PrintableText.quoted(path)
        var full = path
        if path.hasPrefix("~/"), let home = environment["HOME"] { full = home + path.dropFirst(1) }
        do throws(SystemError) {
            let file = try FileDescriptor.open(full, O_RDONLY | O_NONBLOCK)
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw SystemError("read \(full)", code: EINVAL)
            }
            return try file.readAll(limit: TokenValue.sizeLimit + 1)
        } catch {
            let reason =
                switch error.code {
                case EINVAL: "it is not an ordinary file"
                case EFBIG: "it has more than \(TokenValue.sizeLimit / 1024) KiB"
                default: error.reason
                }
            throw ControllerError(
                .configurationBroken, "The token \(name) can't be read from \(shown): \(reason).",
                advice: "Mend \"tokens\" in config.json, or start with --no-tokens.")
        }
    }

    private static func output(
        of words: [String], for name: String, _ environment: [String: String]
    ) throws(ControllerError) -> [UInt8] {
        let advice = "Mend \"tokens\" in config.json, or start with --no-tokens."
        let program = PrintableText.quoted(words.first ?? "")
        guard let first = words.first, let path = ProgramPath.locate(first, environment: environment) else {
            throw ControllerError(
                .configurationBroken, "The token \(name) can't be read: there is no program \(program).",
                advice: advice)
        }
        var runner = ProgramRunner(path: path, arguments: Array(words.dropFirst()))
        runner.environment = [:]
        runner.output = .capture(limit: TokenValue.sizeLimit + 2)
        let outcome: ProgramRunner.Outcome
        do throws(ControllerError) {
            outcome = try runner.run(deadline: .after(milliseconds: commandTimeLimit))
        } catch {
            throw ControllerError(
                error.code == .timeout ? .timeout : .configurationBroken,
                "The token \(name) can't be read: \(error.message)", advice: advice)
        }
        guard outcome.succeeded else {
            throw ControllerError(
                .configurationBroken,
                "The token \(name) can't be read: \(program) failed: \(Self.clause(outcome.lastError)).",
                advice: advice)
        }
        return outcome.output
    }

    private static func clause(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }
}
