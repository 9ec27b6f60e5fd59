import Glibc
import LinuxSystem
import SandboxController

/// The program from its words to its exit code.
enum KeystoneProgram {
    /// - Parameter words: the program's own name first.
    static func run(_ words: [Word]) -> Int32 {
        let parse = ArgumentParser.parse(
            Array(words.dropFirst()), root: root(calledAs: words.first?.text ?? "keystone"))
        do throws(ControllerError) {
            switch parse.outcome {
            case .run: return try parse.command.run(Invocation(parse))
            case .help:
                try StandardStream.result(HelpPage(parse, style: TextStyle(descriptor: STDOUT_FILENO)).text)
                return ExitCode.success.rawValue
            case .version:
                try StandardStream.result(VersionText.text)
                return ExitCode.success.rawValue
            case .failed(.missingCommand):
                StandardStream.message(HelpPage(parse, style: TextStyle(descriptor: STDERR_FILENO)).text)
                return ExitCode.usage.rawValue
            case .failed(let failure): throw explain(failure, parse)
            }
        } catch {
            let isExec = parse.command.name == ExecCommand.name
            Messages(GlobalOptions(parse.arguments).verbosity).error(error, oneLine: isExec)
            // Monitoring systems take 2 for an alarm, so `health` may not say it of a wrong command line.
            if parse.command.name == HealthCommand.name { return HealthExit.unknown.rawValue }
            return isExec ? ExitCode.execFailure.rawValue : ExitCode(error.code).rawValue
        }
    }

    /// `keystone-agent start` is `keystone agent start`.
    static func root(calledAs path: String) -> Command {
        path == "keystone-agent" || path.hasSuffix("/keystone-agent")
            ? CommandTree.agent(named: "keystone-agent") : CommandTree.keystone
    }

    private static func explain(_ failure: ParseFailure, _ parse: Parse) -> ControllerError {
        guard parse.command.name == ExecCommand.name, case .missingSeparator(let options, let rest) = failure else {
            return parse.error(failure)
        }
        let invocation = Invocation(parse)
        return ExecCommand.corrected(invocation, options: options, rest: rest)
    }
}
