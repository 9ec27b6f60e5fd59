import SandboxController

/// `create [PATH]`: a sandbox that is configured and not booted.
enum CreateCommand {
    private static let options = [
        StartOptions.name, StartOptions.memory, StartOptions.processors, StartOptions.image, StartOptions.network,
        StartOptions.gitName, StartOptions.gitEmail, StartOptions.accelerator, StartOptions.noNested,
        StartOptions.nested, StartOptions.workspace, StartOptions.share, StartOptions.shareSecurity, StartOptions.vsock,
        StartOptions.idleTimeout, StartOptions.ephemeral, StartOptions.persist, StartOptions.memoryLimit,
        StartOptions.processorLimit, StartOptions.noGit,
    ]

    static var command: Command {
        Command(
            "create", summary: "Configure a sandbox for a project without booting it",
            surface: {
                Surface(
                    positionals: [Positional("PATH", "A folder of the project (default: where you stand)")],
                    options: options,
                    discussion: [
                        "Keeps the settings, which `start` then boots the sandbox with. Its name goes to stdout. A project that has a sandbox needs --name for another."
                    ],
                    examples: [
                        .init("create --memory 4G --network none", "For the git project you stand in"),
                        .init("create --name try-2 ~/src/app", "A second one for another project"),
                    ],
                    exitCodes: [.success, .failure, .usage, .wrongState, .image, .resources, .busy], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let arguments = invocation.arguments
        let flags = try StartOptions.layer(arguments)
        if let name = arguments.last(StartOptions.name) { try SandboxName.validate(name.text) }
        let environment = try SettingsLayer(environment: invocation.environment)
        let records = try invocation.registry.read()
        let project = try StartPlan.project(invocation, records)
        let configuration = try Configuration.read(environment: invocation.environment)
        for warning in configuration.warnings { invocation.messages.warning(warning) }
        let settings = SettingsLayer.resolve(
            flags: flags, environment: environment, existing: nil, configuration: configuration.settings)
        let status = try invocation.controller.create(
            name: try name(invocation, project, records), project: project, settings: settings)
        let name = status.record.name
        try StandardStream.result(invocation.globals.json ? StatusDocument.json(status) : name + "\n")
        invocation.messages.note(
            "sandbox \(name) is configured; `\(invocation.program) start --name \(name)` boots it")
        return ExitCode.success.rawValue
    }

    private static func name(
        _ invocation: Invocation, _ project: String, _ records: [SandboxRecord]
    ) throws(ControllerError) -> String {
        if let name = invocation.arguments.last(StartOptions.name) { return name.text }
        if let known = records.first(where: { $0.project == project }) {
            throw ControllerError(
                .sandboxExists, "The project \(PrintableText.quoted(project)) has the sandbox \(known.name) already.",
                advice: "Name another one with --name, or start that one.")
        }
        return DefaultSandbox.newName(project: project, among: records)
    }
}
