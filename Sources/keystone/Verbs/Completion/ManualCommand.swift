import SandboxController

/// `man`.
enum ManualCommand {
    static var command: Command {
        Command(
            "man", summary: "Print the manual page",
            surface: {
                Surface(
                    discussion: ["Show it with `keystone agent man | man -l -`, or install it as keystone-agent.1."],
                    examples: [.init("man", "All commands and options, for man(1)")],
                    exitCodes: [.success, .failure, .usage])
            },
            run: { (_) throws(ControllerError) in
                try StandardStream.result(ManualPage.text(CommandTree.agent(named: "agent")))
                return ExitCode.success.rawValue
            })
    }
}
