import LinuxSystem

/// What `nix build` is doing, from the lines that it writes where nobody watches on a terminal.
///
/// Concurrency: belongs to the thread that runs Nix.
final class NixPhases: @unchecked Sendable {
    private enum Phase { case evaluating, fetching, building }

    private let progress: any ProgressReporter
    private var phase = Phase.evaluating

    init(_ progress: any ProgressReporter) { self.progress = progress }

    func note(_ line: String) {
        progress.detail("nix: " + line)
        if line.hasPrefix("copying path '") { enter(.fetching, "fetching what is built already") }
        if line.hasPrefix("building '") { enter(.building, "building with Nix") }
    }

    /// Fetching and building go on side by side; a stage ends only for a later one.
    private func enter(_ next: Phase, _ text: String) {
        guard phase != next, phase != .building else { return }
        phase = next
        progress.stage(text)
    }

    /// Nix's own error, whole: all from the first line that is one, or everything where none is marked.
    static func errorLines(_ text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let first = lines.firstIndex { $0.hasPrefix("error:") } ?? 0
        return lines[first...].reversed().drop { $0.allSatisfy(\.isWhitespace) }.reversed().map(PrintableText.escaped)
    }
}
