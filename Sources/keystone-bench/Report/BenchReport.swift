import Foundation
import Glibc

/// Everything that was measured.
struct BenchReport {
    private var measured: [Figure] = []
    /// Facts that explain the figures, such as the accelerator.
    private(set) var notes: [String] = []

    /// By topic, and in the order measured.
    var figures: [Figure] { Topic.allCases.flatMap { topic in measured.filter { $0.topic == topic } } }

    mutating func add(_ figure: Figure) { measured.append(figure) }
    mutating func note(_ text: String) { notes.append(text) }

    private struct Document: Encodable {
        struct Line: Encodable {
            let topic, name, unit: String
            let value, least, low, high: Double
            let samples: Int
            let baselineName: String?
            let baseline, ratio: Double?
            let target: String?
            let met: Bool?
        }
        let version = 1
        let time: String
        let kernel: String
        let processors: Int
        let notes: [String]
        let figures: [Line]
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let lines = figures.map { figure in
            Document.Line(
                topic: figure.topic.rawValue, name: figure.name, unit: figure.unit, value: figure.value,
                least: figure.least, low: figure.low, high: figure.high, samples: figure.samples,
                baselineName: figure.baseline?.name,
                baseline: figure.baseline?.value, ratio: figure.ratio, target: figure.target.map(ReportTable.words),
                met: figure.isMet)
        }
        let document = Document(
            time: Date().formatted(.iso8601), kernel: BenchReport.kernel,
            processors: ProcessInfo.processInfo.activeProcessorCount, notes: notes, figures: lines)
        return try encoder.encode(document) + Data("\n".utf8)
    }

    static var kernel: String {
        (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
    }
}
