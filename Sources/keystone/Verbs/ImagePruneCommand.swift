import SandboxController

/// `image prune`.
enum ImagePruneCommand {
    static let everything = Option.flag("all", short: "a", "Those with a name too")

    static var command: Command {
        Command(
            "prune", summary: "Remove images that nothing uses",
            surface: {
                Surface(
                    options: [everything],
                    discussion: [
                        "An image stays while a sandbox runs from it or asks for it by --image, and, without --all, while it has a name."
                    ],
                    examples: [
                        .init("prune", "Remove what newer builds of the same name replaced"),
                        .init("prune --all", "Remove every image that no sandbox uses"),
                    ],
                    exitCodes: [.success, .failure, .usage, .busy], showsJSON: true)
            }, run: run)
    }

    private static func run(_ invocation: Invocation) throws(ControllerError) -> Int32 {
        let store = ImageCommands.store(invocation)
        _ = try invocation.registry.read()  // Says it when the registry had to be made again.
        let used = SandboxController.imagesInUse(by: try invocation.controller.list(), store)
        let removed = try store.prune(keeping: used, everything: invocation.arguments.has(everything))
        if invocation.globals.json {
            try StandardStream.result(JSONText.of(removed.map(ImageDocument.init)))
        } else {
            try StandardStream.result(removed.map { $0.id + "\n" }.joined())
            let freed = ImageCommands.size(removed.reduce(0) { $0 + $1.bytes })
            invocation.messages.note(
                removed.isEmpty ? "there was nothing to remove" : "removed \(removed.count) of the images, \(freed)")
        }
        return ExitCode.success.rawValue
    }
}
