import Glibc
import SandboxController

/// `image inspect [IMAGE]`.
enum ImageInspectCommand {
    static let verify = Option.flag("verify", "Hash every file of the image and compare")

    static var command: Command {
        Command(
            "inspect", summary: "Show one image",
            surface: {
                Surface(
                    positionals: [
                        Positional("IMAGE", "A tag, an id or its beginning (default: what `start` would boot)")
                    ],
                    options: [verify],
                    examples: [
                        .init("inspect", "The image that `start` would boot"),
                        .init("inspect dev --verify", "Check that the image dev is as it was built"),
                    ],
                    exitCodes: [.success, .failure, .usage, .image], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let store = ImageCommands.store(invocation)
        var reference: String?
        if let word = invocation.arguments.positionals.first {
            reference = try SettingTexts.image(word.text, source: "IMAGE")
        }
        let image = try store.resolve(reference)
        if invocation.arguments.has(verify) { try store.verify(image, fully: true) }
        try StandardStream.result(
            invocation.globals.json ? JSONText.of(image.manifest) : text(image, TextStyle(descriptor: STDOUT_FILENO)))
        return ExitCode.success.rawValue
    }

    private static func text(_ image: Image, _ style: TextStyle) -> String {
        let manifest = image.manifest
        var rows = [
            ("id", manifest.id), ("content", manifest.description), ("architecture", manifest.architecture),
            ("features", manifest.features.joined(separator: ", ")), ("kernel", manifest.kernel.path),
            ("initrd", manifest.initrd.path),
        ]
        rows += manifest.disks.map { ("disk", $0.file.path) }
        rows += [("command line", manifest.commandLine.joined(separator: " ")), ("folder", image.folder)]
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map {
            "  " + style.dim($0.0 + String(repeating: " ", count: width - $0.0.count)) + "  "
                + PrintableText.escaped($0.1) + "\n"
        }
        return style.bold(PrintableText.escaped(manifest.name)) + "\n" + lines.joined()
    }
}
