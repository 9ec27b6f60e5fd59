import SandboxController

/// `image build|list|inspect|import|prune`.
enum ImageCommands {
    static var group: Command {
        Command(
            "image", summary: "Make and look after the images that sandboxes boot from",
            subcommands: [
                ImageBuildCommand.command, ImageListCommand.command, ImageInspectCommand.command,
                ImageImportCommand.command,
                ImagePruneCommand.command,
            ]
        ) {
            Surface(
                discussion: [
                    "An image is a kernel, an initial file system with the guest agent, and perhaps disks. It never changes and is shared by all sandboxes; its id is a hash of its content."
                ],
                examples: [
                    .init("build --include git bash", "Make the minimal image, with git and bash of this host"),
                    .init("list", "Show the images there are"),
                ])
        }
    }

    static func store(_ invocation: Invocation) -> ImageStore { ImageStore(directory: invocation.directory) }

    /// An id as people see it: enough to tell images apart and to type.
    static func short(_ id: String) -> String { String(id.prefix(12)) }

    static func size(_ bytes: Int64) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }

    /// Runs long work under one progress display.
    static func withProgress<Value>(
        _ invocation: Invocation, _ body: (any ProgressReporter) throws(ControllerError) -> (Value, summary: String)
    ) throws(ControllerError) -> Value {
        let progress = StageProgress(invocation.messages)
        do throws(ControllerError) {
            let (value, summary) = try body(progress)
            progress.finish(summary)
            return value
        } catch {
            progress.finish(nil)
            throw error
        }
    }
}
