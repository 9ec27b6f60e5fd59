import FoundationEssentials
import Glibc
import LinuxSystem

/// A sandbox's logs in one timeline: what the host did, what the console showed, what the agent and the guest's units said.
///
/// Concurrency: the calling thread reads files and waits for them to change; where a journal is followed, a thread of its
/// own reads that. Both hand lines over under one lock, so `output` is never called by two at once.
public final class SandboxLogs: @unchecked Sendable {
    /// Bytes of text of a journal that are kept, whatever the guest says.
    private static let journalLimit = 16 << 20
    private let controller: SandboxController
    private let name: String
    private let query: LogQuery
    private var files: [LogFile]
    private let printing = Mutex()
    /// Of the last line of the journal that was read; under `printing`. Following begins behind it.
    private var newestInJournal: Date?
    private let output: @Sendable (LogLine) -> Void
    private let notice: @Sendable (String) -> Void

    /// - Parameters:
    ///   - output: called for each line, oldest first.
    ///   - notice: one sentence about what is not shown.
    /// - Throws: `noSuchSandbox`.
    public init(
        _ controller: SandboxController, _ name: String, _ query: LogQuery,
        notice: @escaping @Sendable (String) -> Void, output: @escaping @Sendable (LogLine) -> Void
    ) throws(ControllerError) {
        self.controller = controller
        self.name = try controller.record(name).name
        self.query = query
        self.notice = notice
        self.output = output
        files = Self.files(controller.directory, name, query)
    }

    private static func files(_ directory: StateDirectory, _ name: String, _ query: LogQuery) -> [LogFile] {
        var files: [LogFile] = []
        // Events tell of the end, so they are read whether they are shown or not.
        files.append(LogFile(directory.eventsFile(name), hasTimes: false) { text, _ in LogEvent.parse(text) })
        if !query.sources.isDisjoint(with: [.console, .agent]) {
            files.append(LogFile(directory.consoleLog(name), hasTimes: true) { .console($0, $1) })
        }
        for (source, path) in [
            (LogLine.Source.machine, directory.machineLog(name)), (.monitor, directory.monitorLog(name)),
        ] where query.sources.contains(source) {
            files.append(LogFile(path, hasTimes: true) { LogLine(time: $1, source: source, text: $0) })
        }
        return files
    }

    // MARK: Reading

    /// Everything that is there.
    public func show() throws(ControllerError) {
        var lines: [LogLine] = []
        for index in files.indices { lines += files[index].readAll() }
        lines += try journal()
        // Sorting is stable: lines of one time stay as they are within their source.
        let sorted = lines.filter(query.accepts).enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }
        for line in sorted.suffix(query.tail ?? sorted.count) { output(line.element) }
    }

    private func journal() throws(ControllerError) -> [LogLine] {
        guard query.wantsJournal, let journal = try openJournal() else { return [] }
        var lines: [LogLine] = []
        var bytes = 0
        do throws(ControllerError) {
            try journal.read(follow: false, since: query.since, deadline: .after(milliseconds: 60_000)) { line in
                bytes += line.text.utf8.count
                lines.append(line)
                guard bytes > Self.journalLimit else { return }
                // The newest ones count.
                lines.removeFirst(lines.count / 2)
                bytes = lines.reduce(0) { $0 + $1.text.utf8.count }
            }
        } catch {
            try explain(error)
        }
        printing.withLock { newestInJournal = lines.last?.time }
        return lines
    }

    private func openJournal() throws(ControllerError) -> GuestJournal? {
        do throws(ControllerError) {
            let endpoint = try GuestConnection.endpoint(sandbox: name, in: controller.directory)
            return GuestJournal(endpoint: endpoint, query: query)
        } catch {
            // A journal is in a guest that runs.
            if query.units.isEmpty { return nil }
            throw error
        }
    }

    private func explain(_ error: ControllerError) throws(ControllerError) {
        if error.code == .missingProgram {
            if query.units.isEmpty { return }
            throw ControllerError(
                .unsupported, "The guest of sandbox \(name) has no systemd, so it has no units.",
                advice: "Leave --unit out: the console has what its programs say.")
        }
        if !query.units.isEmpty { throw error }
        notice("The guest's journal is not shown: \(error.message)")
    }

    // MARK: Following

    /// Goes on with what is added, until the sandbox has ended.
    public func follow() throws(ControllerError) {
        let changes = try watch()
        let lock = controller.directory.monitorLock(name)
        var isOver = try !controller.status(name).state.needsMonitor
        if !isOver { followJournal() }
        while true {
            let now = Date()
            for index in files.indices {
                for line in files[index].readNew(now: now) {
                    if line.source == .event, line.text.hasPrefix("agent.returned") { followJournal() }
                    if query.accepts(line) { printing.withLock { output(line) } }
                }
            }
            if isOver { return }
            var entry = pollfd(fd: changes.rawValue, events: Int16(POLLIN), revents: 0)
            while poll(&entry, 1, -1) < 0, errno == EINTR {}
            let kinds = ((try? changes.read()) ?? []).reduce(into: FolderChanges.Kinds()) { $0.formUnion($1.kinds) }
            // Its folder is gone, or its state was written anew, which is done by a rename: is there still something to come?
            if !kinds.isDisjoint(with: [.movedIn, .removed, .unwatched]) {
                isOver = ((try? controller.status(name).state.needsMonitor) ?? false) == false
                // Its monitor's last event is written after its last state: it is there when the lock is free.
                if isOver { _ = try? FileLock(path: lock, deadline: .after(milliseconds: 10_000)) }
            }
        }
    }

    private func watch() throws(ControllerError) -> FolderChanges {
        do throws(SystemError) {
            let changes = try FolderChanges()
            _ = try changes.watch(
                path: controller.directory.stateFolder(name), [.made, .written, .movedIn, .removed])
            return changes
        } catch {
            throw .system(error, doing: "Watching the logs of sandbox \(name)")
        }
    }

    private func followJournal() {
        guard query.wantsJournal else { return }
        let since = printing.withLock { newestInJournal } ?? Date()
        try? Thread.start(name: "journal") {
            do throws(ControllerError) {
                guard let journal = try self.openJournal() else { return }
                try journal.read(follow: true, since: since, deadline: .never) { self.show(followed: $0) }
            } catch {
                // Units come back with the agent; their absence was told before.
                if error.code != .missingProgram, error.code != .agentGone { self.notice(error.message) }
            }
        }
    }

    private func show(followed line: LogLine) {
        printing.withLock {
            if let newestInJournal, line.time <= newestInJournal { return }
            newestInJournal = line.time
            if query.accepts(line) { output(line) }
        }
    }
}
