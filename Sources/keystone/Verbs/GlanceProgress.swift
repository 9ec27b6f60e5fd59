import Glibc
import SandboxController

/// One line on a terminal that goes on while the guest's agent looks, and is gone after that. Used by one thread.
final class GlanceProgress: ProgressReporter, @unchecked Sendable {
    private let isLive: Bool
    private var hasLine = false

    init(_ messages: Messages) { isLive = StageProgress.canRedraw && messages.verbosity >= .normal }

    func stage(_ text: String) {
        guard isLive else { return }
        StandardStream.message("\r\u{1B}[K\(PrintableText.escaped(text))")
        hasLine = true
    }
    func warning(_ text: String) {}
    func detail(_ text: String) {}

    deinit { if hasLine { StandardStream.message("\r\u{1B}[K") } }
}
