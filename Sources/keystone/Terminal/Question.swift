import Glibc
import SandboxController

/// A question that is answered with yes or no.
enum Question {
    static func canAsk(_ invocation: Invocation) -> Bool {
        !invocation.globals.noInput && StandardStream.isTerminal(STDIN_FILENO)
            && StandardStream.isTerminal(STDERR_FILENO)
    }

    /// Anything but a clear yes is no.
    static func ask(_ text: String) -> Bool {
        StandardStream.message("\(PrintableText.escaped(text)) [y/N] ")
        let answer = readLine()
        if answer == nil { StandardStream.message("\n") }
        return ["y", "yes"].contains(answer?.lowercased() ?? "")
    }
}
