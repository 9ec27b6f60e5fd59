import SandboxController

/// What `prune` removes, for people.
enum PruneText {
    static func table(_ found: Prunable, _ style: TextStyle) -> String {
        let sandboxes = found.sandboxes.map { sandbox in
            [
                "sandbox", sandbox.status.record.name, sandbox.reason, ImageCommands.size(sandbox.bytes),
                PrintableText.escaped(sandbox.status.record.project),
            ]
        }
        let images = found.images.map { image in
            let tags = image.tags.isEmpty ? "no name" : PrintableText.escaped(image.tags.joined(separator: ","))
            return ["image", ImageCommands.short(image.id), "unused", ImageCommands.size(image.bytes), tags]
        }
        return HelpTable.columns([["KIND", "NAME", "WHY", "SIZE", "OF"]] + sandboxes + images, style: style)
    }

    /// `2 sandboxes and 1 image (141 MiB)`
    static func summary(_ found: Prunable) -> String {
        let parts = [
            count(found.sandboxes.count, "sandbox", "sandboxes"), count(found.images.count, "image", "images"),
        ]
        let what = parts.compactMap { $0 }.joined(separator: " and ")
        return (what.isEmpty ? "nothing" : what) + " (\(ImageCommands.size(found.bytes)))"
    }

    private static func count(_ count: Int, _ one: String, _ many: String) -> String? {
        count == 0 ? nil : "\(count) \(count == 1 ? one : many)"
    }
}

/// What `prune --json` shows.
struct PruneDocument: Encodable {
    struct Sandbox: Encodable {
        let name, project, reason: String
        let bytes: Int64
    }

    /// Whether it is gone, or would be.
    let removed: Bool
    let bytes: Int64
    let sandboxes: [Sandbox]
    let images: [ImageDocument]

    init(_ found: Prunable, removed: Bool) {
        self.removed = removed
        bytes = found.bytes
        sandboxes = found.sandboxes.map {
            Sandbox(
                name: $0.status.record.name, project: $0.status.record.project, reason: $0.reason, bytes: $0.bytes)
        }
        images = found.images.map(ImageDocument.init)
    }
}
