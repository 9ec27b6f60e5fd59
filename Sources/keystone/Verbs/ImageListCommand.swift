import FoundationEssentials
import Glibc
import SandboxController

/// `image list`.
enum ImageListCommand {
    static var command: Command {
        Command(
            "list", aliases: ["ls"], summary: "List the images",
            surface: {
                Surface(
                    examples: [.init("list", "All of them, the newest first"), .init("list --json", "For a script")],
                    exitCodes: [.success, .failure, .usage], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let entries = try ImageCommands.store(invocation).list()
        if invocation.globals.json {
            try StandardStream.result(JSONText.of(entries.map(ImageDocument.init)))
        } else if entries.isEmpty {
            invocation.messages.note("there is no image yet; `\(invocation.program) image build` makes one")
        } else {
            let rows = [["ID", "NAME", "SIZE", "BUILT", "CONTENT"]] + entries.map(row)
            try StandardStream.result(HelpTable.columns(rows, style: TextStyle(descriptor: STDOUT_FILENO)))
        }
        return ExitCode.success.rawValue
    }

    private static func row(_ entry: ImageStore.Entry) -> [String] {
        let tags = entry.tags.isEmpty ? "-" : PrintableText.escaped(entry.tags.joined(separator: ","))
        let content: String
        switch entry.image {
        case .success(let image): content = PrintableText.escaped(image.manifest.description)
        case .failure(let error): content = "broken: " + PrintableText.escaped(error.message)
        }
        let built = entry.built.formatted(.iso8601.year().month().day())
        return [ImageCommands.short(entry.id), tags, ImageCommands.size(entry.bytes), built, content]
    }
}

/// An image as `--json` lists it.
struct ImageDocument: Encodable {
    let id: String
    let tags: [String]
    let bytes: Int64
    let built: Date
    let broken: String?
    let manifest: ImageManifest?

    init(_ entry: ImageStore.Entry) {
        id = entry.id
        tags = entry.tags
        bytes = entry.bytes
        built = entry.built
        switch entry.image {
        case .success(let image): (manifest, broken) = (image.manifest, nil)
        case .failure(let error): (manifest, broken) = (nil, error.message)
        }
    }
}
