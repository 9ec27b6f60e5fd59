import Glibc
import LinuxSystem
import SandboxController

/// Progress by stage on stderr. On a terminal the running stage is one line whose time goes on, and stays with a ✓ when it
/// is done; elsewhere each stage is a plain line with the time at which it began.
///
/// Concurrency: any thread reports; one thread of its own redraws the running stage's time, ten times a second, and ends
/// with `finish`. Everything that is written is written under `lock`, so lines never mix.
final class StageProgress: ProgressReporter, @unchecked Sendable {
    private let messages: Messages
    private let live: Bool
    private let began = Deadline.now()
    private let lock = StageLock()
    private let wake: EventDescriptor?
    // Under `lock`:
    private var current: (text: String, began: UInt64)?
    private var finished = false
    private var drawing = false

    /// - Parameter live: whether stderr is a terminal that can redraw a line.
    init(_ messages: Messages, live: Bool = StageProgress.canRedraw) {
        self.messages = messages
        self.live = live && messages.verbosity >= .normal
        wake = self.live ? try? EventDescriptor() : nil
    }

    static var canRedraw: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }

    func stage(_ text: String) {
        lock.withLock {
            guard !finished, messages.verbosity >= .normal else { return }
            close("✓")
            let now = Deadline.now()
            current = (PrintableText.escaped(text), now)
            if live {
                draw(now)
                startDrawing()
            } else {
                StandardStream.message("[\(seconds(since: began, now))] \(PrintableText.escaped(text))\n")
            }
        }
    }

    func warning(_ text: String) { aside { messages.warning(text) } }
    func detail(_ text: String) { aside { messages.detail(text) } }

    /// The last stage has ended; nothing is shown after this.
    /// - Parameter summary: a line that says what came of it all, with the whole time behind; nil after a failure.
    func finish(_ summary: String?) {
        lock.withLock {
            guard !finished else { return }
            finished = true
            close(summary == nil ? "✗" : "✓")
            wake?.signal()
            guard let summary, messages.verbosity >= .normal else { return }
            let time = seconds(since: began, Deadline.now())
            StandardStream.message(
                live
                    ? "\(messages.style.bold(summary)) \(messages.style.dim("in " + trimmed(time)))\n"
                    : "[\(time)] \(summary)\n")
        }
    }

    /// Writes a whole line while a stage's line is on the screen.
    private func aside(_ body: () -> Void) {
        lock.withLock {
            if live, current != nil, !finished { StandardStream.message("\r\u{1B}[K") }
            body()
            if live, current != nil, !finished { draw(Deadline.now()) }
        }
    }

    private func close(_ mark: String) {
        guard let stage = current else { return }
        current = nil
        guard live else { return }
        let style = messages.style
        let time = trimmed(seconds(since: stage.began, Deadline.now()))
        StandardStream.message(
            "\r\u{1B}[K\(mark == "✓" ? style.green(mark) : style.red(mark)) \(stage.text)  \(style.dim(time))\n")
    }

    private func draw(_ now: UInt64) {
        guard let stage = current else { return }
        let time = trimmed(seconds(since: stage.began, now))
        // A line that wraps can't be taken back with a carriage return, so it is cut to what any terminal holds.
        StandardStream.message(
            "\r\u{1B}[K\(messages.style.cyan("…")) \(stage.text.prefix(64))  \(messages.style.dim(time))")
    }

    /// Called under `lock`.
    private func startDrawing() {
        guard !drawing, let wake else { return }
        drawing = true
        try? Thread.start(name: "progress", stackKibibytes: 128) {
            var entry = pollfd(fd: wake.rawValue, events: Int16(POLLIN), revents: 0)
            while poll(&entry, 1, 100) <= 0 {
                self.lock.withLock { if !self.finished { self.draw(Deadline.now()) } }
            }
        }
    }

    /// `  1.2 s`, right-aligned so that plain lines stand in columns.
    private func seconds(since start: UInt64, _ now: UInt64) -> String {
        let tenths = (now - start) / 100_000_000
        let text = "\(tenths / 10).\(tenths % 10)"
        return String(repeating: " ", count: max(0, 5 - text.utf8.count)) + text + " s"
    }

    private func trimmed(_ text: String) -> String { String(text.drop { $0 == " " }) }
}

/// `pthread_mutex_t` with an address of its own.
private final class StageLock: @unchecked Sendable {
    private let raw = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { pthread_mutex_init(raw, nil) }
    deinit {
        pthread_mutex_destroy(raw)
        raw.deallocate()
    }

    func withLock(_ body: () -> Void) {
        pthread_mutex_lock(raw)
        defer { pthread_mutex_unlock(raw) }
        body()
    }
}
