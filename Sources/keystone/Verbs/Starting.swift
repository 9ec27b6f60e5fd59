import Glibc
import SandboxController

/// A start with progress on stderr that Ctrl-C undoes; what `start` and `restart` share.
enum Starting {
    static func run(_ request: StartRequest, _ invocation: Invocation) throws(ControllerError) -> SandboxStatus {
        let progress = StageProgress(invocation.messages)
        let interruption = try Interruption { progress.warning("cancelling; once more ends at once") }
        defer { interruption.end() }
        do throws(ControllerError) {
            let status = try invocation.controller.start(
                request, progress: progress, cancellation: interruption.rawValue)
            progress.finish("sandbox \(request.name) is ready")
            return status
        } catch {
            progress.finish(nil)
            throw error
        }
    }
}
