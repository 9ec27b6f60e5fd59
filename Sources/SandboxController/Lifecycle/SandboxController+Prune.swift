import FoundationEssentials

/// What `prune` may remove.
public struct PruneScope: Sendable {
    public var sandboxes = true
    public var images = true
    /// Also sandboxes that were never started, and images that have a name.
    public var everything = false
    /// Only sandboxes that have not run for this many seconds.
    public var idleSeconds: Double?

    public init() {}
}

/// What nobody needs any more.
public struct Prunable: Sendable {
    public struct Sandbox: Sendable {
        public let status: SandboxStatus
        /// Why it goes: `stopped`, `error`, `created` or `project gone`.
        public let reason: String
        /// Of its folder; the project's own is never touched.
        public let bytes: Int64
    }

    public var sandboxes: [Sandbox]
    public var images: [ImageStore.Entry]

    public var bytes: Int64 { sandboxes.reduce(0) { $0 + $1.bytes } + images.reduce(0) { $0 + $1.bytes } }
    public var isEmpty: Bool { sandboxes.isEmpty && images.isEmpty }
}

extension SandboxController {
    /// Ids of the images that sandboxes were booted from or ask for.
    public static func imagesInUse(by sandboxes: [SandboxStatus], _ store: ImageStore) -> Set<String> {
        var used: Set<String> = []
        for status in sandboxes {
            if let id = status.file?.imageID { used.insert(id) }
            if let reference = status.record.settings.image, let image = try? store.find(reference) {
                used.insert(image.id)
            }
        }
        return used
    }

    /// Looks, and removes nothing.
    public func prunable(_ scope: PruneScope) throws(ControllerError) -> Prunable {
        let all = try list()
        var result = Prunable(sandboxes: [], images: [])
        if scope.sandboxes {
            result.sandboxes = all.compactMap { status in
                reason(status, scope).map {
                    let folder = directory.sandboxFolder(status.record.name)
                    return Prunable.Sandbox(status: status, reason: $0, bytes: ImageStore.size(folder))
                }
            }
        }
        if scope.images {
            let doomed = Set(result.sandboxes.map(\.status.record.name))
            let store = ImageStore(directory: directory)
            let used = Self.imagesInUse(by: all.filter { !doomed.contains($0.record.name) }, store)
            result.images = try store.unused(keeping: used, everything: scope.everything)
        }
        return result
    }

    private func reason(_ status: SandboxStatus, _ scope: PruneScope) -> String? {
        guard !status.state.needsMonitor else { return nil }
        if let idle = scope.idleSeconds {
            let since = status.file?.since ?? status.record.created
            guard Date().timeIntervalSince(since) >= idle else { return nil }
        }
        var isFolder = false
        let there = FileManager.default.fileExists(atPath: status.record.project, isDirectory: &isFolder)
        if !there || !isFolder { return "project gone" }
        if case .created = status.state, !scope.everything { return nil }
        return status.state.word
    }

    /// Removes what `prunable` found, each after another look: what was started meanwhile stays.
    /// - Parameter failure: told what could not be removed; the rest is.
    /// - Returns: what was removed.
    public func prune(
        _ found: Prunable, _ scope: PruneScope, progress: any ProgressReporter, failure: (ControllerError) -> Void
    ) throws(ControllerError) -> Prunable {
        var removed = Prunable(sandboxes: [], images: [])
        for sandbox in found.sandboxes {
            do throws(ControllerError) {
                try destroy(sandbox.status.record.name, force: false, keepDisk: false, progress: progress)
                removed.sandboxes.append(sandbox)
            } catch {
                if error.code != .alreadyRunning, error.code != .noSuchSandbox { failure(error) }
            }
        }
        guard scope.images else { return removed }
        let store = ImageStore(directory: directory)
        do throws(ControllerError) {
            let kept = Self.imagesInUse(by: try list(), store)
            // Only what was told: an image that lost its name since then is the next prune's.
            let told = Set(found.images.map(\.id))
            let others = Set(try store.list().map(\.id)).subtracting(told)
            removed.images = try store.prune(keeping: kept.union(others), everything: scope.everything)
        } catch { failure(error) }
        return removed
    }
}
