import SandboxController

/// What a `start` is to start: which sandbox, of which project, made how.
enum StartPlan {
    /// What to start, from the flags, the environment, the registry and `config.json`.
    static func request(_ invocation: Invocation) throws(ControllerError) -> StartRequest {
        let arguments = invocation.arguments
        let flags = try StartOptions.layer(arguments)
        if let name = arguments.last(StartOptions.name) { try SandboxName.validate(name.text) }
        var seconds = StartRequest.defaultTimeoutSeconds
        if let text = arguments.last(StartOptions.timeout)?.text {
            seconds = try DurationText.seconds(text, source: "--timeout")
        }
        let environment = try SettingsLayer(environment: invocation.environment)
        let records = try invocation.registry.read()
        let project = try project(invocation, records)
        let existing = try existing(
            arguments.last(StartOptions.name)?.text, project: project, among: records, program: invocation.program)
        let configuration = try Configuration.read(environment: invocation.environment)
        for warning in configuration.warnings where existing == nil { invocation.messages.warning(warning) }
        let variables = try SessionVariables.read(invocation)
        var request = StartRequest(
            name: existing?.name ?? arguments.last(StartOptions.name)?.text
                ?? DefaultSandbox.newName(project: project, among: records),
            project: project,
            settings: SettingsLayer.resolve(
                flags: flags, environment: environment, existing: existing?.settings,
                configuration: configuration.settings),
            fresh: arguments.has(StartOptions.fresh), timeoutSeconds: seconds)
        request.environment = variables
        request.git = try StartOptions.gitOverride(arguments)
        request.environmentFiles = configuration.environmentFiles
        // Not for a start that will be refused: somebody may have to type a passphrase for a source.
        let isRefused = try existing.map { (record) throws(ControllerError) in
            try invocation.controller.status(record.name).state.needsMonitor && !request.fresh
        }
        if isRefused != true { request.tokens = try TokenCommands.read(invocation, configuration) }
        return request
    }

    /// The git project of PATH or of where we stand. Outside of git, a folder that was shared with --no-git before, or the
    /// project of the sandbox that --name knows.
    static func project(_ invocation: Invocation, _ records: [SandboxRecord]) throws(ControllerError) -> String {
        let arguments = invocation.arguments
        let path = arguments.positionals.first?.text
        let folder = try Folder.real(path ?? ".")
        if arguments.has(StartOptions.noGit) { return folder }
        if let project = GitProject.find(from: folder) { return project.top }
        if path == nil, let name = arguments.last(StartOptions.name)?.text,
            let named = records.first(where: { $0.name == name })
        {
            return named.project
        }
        if let known = try? DefaultSandbox.find(from: folder, among: records.map(SandboxPlace.init)) {
            return known.project
        }
        return try GitProject.top(of: folder).top
    }

    private static func existing(
        _ name: String?, project: String, among records: [SandboxRecord], program: String
    ) throws(ControllerError) -> SandboxRecord? {
        guard let name else { return try DefaultSandbox.existing(project: project, among: records) }
        guard let record = records.first(where: { $0.name == name }) else { return nil }
        guard record.project == project else {
            throw ControllerError(
                .sandboxExists, "The name \(name) is taken by the sandbox of \(PrintableText.quoted(record.project)).",
                advice:
                    "Choose another name, or start that one with `\(program) start --name \(name) \(Word(record.project).shellQuoted)`."
            )
        }
        return record
    }
}
