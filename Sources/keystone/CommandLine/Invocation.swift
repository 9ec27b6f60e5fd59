import Glibc
import LinuxSystem
import SandboxController

/// One run of one command: what was asked for, and where.
struct Invocation: Sendable {
    let arguments: ParsedArguments
    let globals: GlobalOptions
    /// As typed: `keystone agent start`.
    let commandLine: String
    let environment: [String: String]
    let directory: StateDirectory

    init(_ parse: Parse, environment: [String: String]) {
        arguments = parse.arguments
        globals = GlobalOptions(parse.arguments)
        commandLine = parse.commandLine
        self.environment = environment
        directory = StateDirectory.resolve(option: globals.stateDirectory, environment: environment)
    }

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
