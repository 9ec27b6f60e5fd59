import SandboxController

/// `image build --nix [FLAKE]`.
enum NixImageCommand {
    static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let arguments = invocation.arguments
        for other in [ImageBuildCommand.include, ImageBuildCommand.refresh] where arguments.has(other) {
            throw ControllerError(
                .usage, "\(other.spelling) is for the minimal image, and --nix makes another.",
                advice: "Programs are added in the flake: keystone.guest.packages.")
        }
        guard arguments.positionals.count <= 1 else {
            throw ControllerError(.usage, "--nix builds one flake, and \(arguments.positionals.count) are named.")
        }
        let tag = arguments.last(ImageBuildCommand.name)?.text
        if let tag { try SandboxName.validate(tag) }
        let image = try build(invocation, tag)
        try StandardStream.result(invocation.globals.json ? JSONText.of(image.manifest) : image.id + "\n")
        return ExitCode.success.rawValue
    }

    private static func build(_ invocation: Invocation, _ tag: String?) throws(ControllerError) -> Image {
        var words: [String] = []
        do throws(ControllerError) {
            return try ImageCommands.withProgress(invocation) { (progress) throws(ControllerError) in
                let builder = NixImageBuilder(store: ImageCommands.store(invocation), progress: progress)
                do throws(NixImageBuilder.Failure) {
                    let flake = invocation.arguments.positionals.first?.text
                    let image = try builder.build(flake: flake, name: tag)
                    let name = PrintableText.escaped(tag ?? image.manifest.name)
                    return (image, summary: "image \(name) is ready (\(ImageCommands.short(image.id)))")
                } catch {
                    words = error.lines
                    throw error.error
                }
            }
        } catch {
            // Nix's own words, whole and first: our sentence about them comes last, where people look.
            for line in words { StandardStream.message(line + "\n") }
            throw error
        }
    }
}
