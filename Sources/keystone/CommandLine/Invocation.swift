import Glibc
import LinuxSystem
import SandboxController

/// One run of one command: what was asked for, and where.
///
/// Every command makes one, `exec` on each run, so it holds what it was given and works out the rest when asked.
struct Invocation: Sendable {
    private let parse: Parse
    let globals: GlobalOptions
    let directory: StateDirectory
    /// nil for this process's own variables.
    private let given: [String: String]?

    /// - Parameter environment: its variables instead of this process's.
    init(_ parse: Parse, environment: [String: String]? = nil) {
        self.parse = parse
        globals = GlobalOptions(parse.arguments)
        given = environment
        directory = StateDirectory.resolve(option: globals.stateDirectory) {
            environment == nil ? Invocation.processVariable($0) : environment?[$0]
        }
    }

    var arguments: ParsedArguments { parse.arguments }
    /// As typed: `keystone agent start`.
    var commandLine: String { parse.commandLine }

    /// All variables. `variable` costs less where one is wanted: making the first dictionary of strings alone takes 0.2 ms,
    /// because the Swift runtime then looks through every conformance there is in the program.
    var environment: [String: String] { given ?? Invocation.processEnvironment() }
    func variable(_ name: String) -> String? { given == nil ? Invocation.processVariable(name) : given?[name] }

    /// `keystone agent`, or `keystone-agent` when called by that name: for lines that advise what to type.
    var program: String { commandLine.hasPrefix("keystone-agent") ? "keystone-agent" : "keystone agent" }
    var messages: Messages { Messages(globals.verbosity) }
    var controller: SandboxController { SandboxController(directory: directory) }
    var registry: Registry {
        let messages = messages
        return Registry(directory: directory, notice: { messages.warning($0) })
    }

    /// The sandbox meant: the one named, or the one of the project this process stands in.
    func sandboxName() throws(ControllerError) -> String {
        guard let word = arguments.positionals.first else {
            return try DefaultSandbox.find(from: Folder.current(), among: registry.places()).name
        }
        do throws(ControllerError) {
            try SandboxName.validate(word.text)
        } catch {
            throw ControllerError(.usage, error.message, advice: "`\(program) list` shows those there are.")
        }
        return word.text
    }

    static func processVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// This process's environment without Foundation, which would read it into objects first.
    static func processEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}
