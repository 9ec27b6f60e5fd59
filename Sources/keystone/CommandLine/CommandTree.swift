/// Every command there is.
enum CommandTree {
    static var keystone: Command {
        Command(
            "keystone", summary: "Sandboxes for coding agents: a virtual machine for each project",
            subcommands: [agent(named: "agent")]
        ) {
            Surface(
                discussion: ["keystone-agent COMMAND is the same as keystone agent COMMAND."],
                examples: [
                    .init("agent start", "Start a sandbox for the git project you stand in"),
                    .init("agent exec -- uname -a", "Run a command in it"),
                    .init("agent start --help", "Read about one command"),
                ])
        }
    }

    static func agent(named name: String) -> Command {
        Command(
            name, summary: "Start, use and stop sandboxes",
            subcommands: [
                StartCommand.command, CreateCommand.command, ExecCommand.command, ForwardCommand.command,
                PortsCommand.command, ListCommand.command,
                StatusCommand.command, HealthCommand.command, EventsCommand.command, LogsCommand.command,
                StopCommand.command,
                RestartCommand.command, ProvisionCommand.command, DestroyCommand.command, PruneCommand.command,
                FixOwnershipCommand.command,
                TokenCommands.group, ImageCommands.group, DoctorCommand.command,
                CompletionCommand.command, ManualCommand.command,
            ]
        ) {
            Surface(
                discussion: [
                    "A sandbox is a virtual machine that has your project at /workspace. Where NAME is left out, the sandbox of the git project you stand in is meant."
                ],
                examples: [
                    .init("image build --include git bash", "Make the image that sandboxes boot from, once"),
                    .init("start", "Start a sandbox for the git project you stand in"),
                    .init("exec -- git log -1", "Run a command in it"),
                    .init("stop", "Stop it"),
                ])
        }
    }
}
