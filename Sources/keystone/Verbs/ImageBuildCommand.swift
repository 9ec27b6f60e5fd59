import SandboxController

/// `image build`.
enum ImageBuildCommand {
    static let include = Option.value(
        "include", "PROGRAM", repeats: true,
        "Copy this program of the host, with its libraries; may be repeated, or list several: git,bash")
    static let name = Option.value("name", "NAME", "Name of the image (default: minimal; with --nix the image's own)")
    static let refresh = Option.flag("refresh-kernel", "Look for a newer kernel package")
    static let nix = Option.flag("nix", "Build a NixOS image from a flake, which is then the one argument")

    static var command: Command {
        Command(
            "build", summary: "Make the minimal image from this host, or a NixOS one from a flake",
            surface: {
                Surface(
                    positionals: [
                        Positional("PROGRAM|FLAKE", repeats: true, "More programs, as with --include; or the flake")
                    ],
                    options: [include, name, refresh, nix],
                    discussion: [
                        "Takes the distribution's kernel, busybox, the guest agent, and the programs asked for. The same inputs give the same image, and building it again does no work. A failed build leaves nothing behind.",
                        "With --nix, `nix build FLAKE#sandbox-image` makes the image, and it is imported. FLAKE is a folder or a reference, with an output of its own (`.#my-image`) or without; by default $KEYSTONE_AGENT_FLAKE, else the folder you stand in. Packages are added in the flake.",
                        "The image's id goes to stdout.",
                    ],
                    examples: [
                        .init("build", "The smallest image: busybox and the agent"),
                        .init("build --include git bash python3", "With three programs of this host"),
                        .init("build --include git --name dev", "Under another name, for `start --image dev`"),
                        .init("build --nix .#sandbox-image --name work", "What the flake here calls sandbox-image"),
                    ],
                    exitCodes: [.success, .failure, .usage, .image, .resources, .busy], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let arguments = invocation.arguments
        if arguments.has(nix) { return try NixImageCommand.run(invocation) }
        let name = arguments.last(name)?.text ?? MinimalImageBuilder.defaultName
        try SandboxName.validate(name)
        let programs = try programs(arguments)
        let image = try ImageCommands.withProgress(invocation) { (progress) throws(ControllerError) in
            let builder = MinimalImageBuilder(store: ImageCommands.store(invocation), progress: progress)
            let image = try builder.build(include: programs, name: name, refreshKernel: arguments.has(refresh))
            return (image, summary: "image \(name) is ready (\(ImageCommands.short(image.id)))")
        }
        try StandardStream.result(invocation.globals.json ? JSONText.of(image.manifest) : image.id + "\n")
        return ExitCode.success.rawValue
    }

    /// In the order given, each once, so that the same wish gives the same image.
    private static func programs(_ arguments: ParsedArguments) throws(ControllerError) -> [String] {
        var result: [String] = []
        for word in arguments.all(include) + arguments.positionals {
            for program in word.text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
                guard !program.isEmpty, !program.utf8.contains(0) else {
                    throw ControllerError(
                        .usage, "--include \(PrintableText.quoted(word.text)) has an empty name in it.")
                }
                if !result.contains(program) { result.append(program) }
            }
        }
        return result
    }
}
