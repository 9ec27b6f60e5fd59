import SandboxController

/// `completion bash|zsh|fish`.
enum CompletionCommand {
    private static let shells = ShellScript.allCases.map(\.rawValue)

    static var command: Command {
        Command(
            "completion", summary: "Print the script that completes commands in your shell",
            surface: {
                Surface(
                    positionals: [
                        Positional("SHELL", required: true, suggests: .words(shells), "bash, zsh or fish")
                    ],
                    discussion: [
                        "Commands, options, their values, sandboxes and images are completed. The script asks this program at each Tab, so it needs no update when the program gets one.",
                        "bash: add `source <(keystone agent completion bash)` to ~/.bashrc, or write it to ~/.local/share/bash-completion/completions/keystone. zsh: write it to a file named _keystone in a folder of $fpath, before compinit. fish: write it to ~/.config/fish/completions/keystone.fish.",
                    ],
                    examples: [
                        .init("completion bash", "The script for bash"),
                        .init("completion fish", "The script for fish"),
                    ],
                    exitCodes: [.success, .failure, .usage])
            },
            run: { (invocation) throws(ControllerError) in
                let word = invocation.arguments.positionals.first?.text ?? ""
                guard let script = ShellScript(rawValue: word) else {
                    throw ControllerError(
                        .usage, "There is no completion for \(PrintableText.quoted(word)).",
                        advice: Similarity.closest(to: word, among: shells).map { "Did you mean \($0)?" }
                            ?? "Choose \(shells.joined(separator: ", ")).")
                }
                try StandardStream.result(script.text)
                return ExitCode.success.rawValue
            })
    }
}
