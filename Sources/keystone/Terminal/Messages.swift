import Glibc
import LinuxSystem
import SandboxController

/// Sentences to a person, on stderr, each behind `keystone: `.
struct Messages: Sendable {
    private static let began = Deadline.now()

    let verbosity: GlobalOptions.Verbosity
    let style: TextStyle

    init(_ verbosity: GlobalOptions.Verbosity, style: TextStyle = TextStyle(descriptor: STDERR_FILENO)) {
        self.verbosity = verbosity
        self.style = style
    }

    /// Told whatever `--quiet` says.
    /// - Parameter oneLine: advice stays on the same line, as scripts around `exec` want it.
    func error(_ error: ControllerError, oneLine: Bool = false) {
        var text = style.red("keystone:") + " " + PrintableText.escaped(error.message)
        if let advice = error.advice { text += (oneLine ? " " : "\n  ") + PrintableText.escaped(advice) }
        StandardStream.message(text + "\n")
    }

    func warning(_ text: String) {
        if verbosity >= .normal {
            StandardStream.message(style.yellow("keystone:") + " " + PrintableText.escaped(text) + "\n")
        }
    }

    func note(_ text: String) {
        if verbosity >= .normal { StandardStream.message("keystone: " + PrintableText.escaped(text) + "\n") }
    }

    func detail(_ text: String) {
        guard verbosity >= .verbose else { return }
        let time = verbosity == .debug ? " [\((Deadline.now() - Self.began) / 1_000_000) ms]" : ""
        StandardStream.message(style.dim("keystone:\(time) " + PrintableText.escaped(text)) + "\n")
    }
}
