import SandboxController

/// `image import DIR`.
enum ImageImportCommand {
    static let name = Option.value("name", "NAME", "Name it so (default: its own name)")

    static var command: Command {
        Command(
            "import", summary: "Take in an image made elsewhere, such as by Nix",
            surface: {
                Surface(
                    positionals: [
                        Positional(
                            "DIR", required: true, "A folder with an image.json; may be a link, such as Nix's result")
                    ],
                    options: [name],
                    discussion: [
                        "Every file is checked against the hash in image.json. The image's id goes to stdout."
                    ],
                    examples: [.init("import ./result --name nixos", "Take in what Nix built")],
                    exitCodes: [.success, .failure, .usage, .image, .resources, .busy], showsJSON: true)
            },
            run: { (invocation) throws(ControllerError) in
                let source = invocation.arguments.positionals.first?.text ?? ""
                let tag = invocation.arguments.last(name)?.text
                if let tag { try SandboxName.validate(tag) }
                let folder = try Folder.real(source)
                let image = try ImageCommands.withProgress(invocation) { (progress) throws(ControllerError) in
                    let image = try ImageCommands.store(invocation).importImage(
                        from: folder, tag: tag, progress: progress)
                    let name = PrintableText.escaped(tag ?? image.manifest.name)
                    return (image, summary: "image \(name) is ready (\(ImageCommands.short(image.id)))")
                }
                try StandardStream.result(invocation.globals.json ? JSONText.of(image.manifest) : image.id + "\n")
                return ExitCode.success.rawValue
            })
    }
}
