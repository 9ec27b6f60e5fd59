import Foundation

/// The report for people: one line a figure, columns aligned.
enum ReportTable {
    private static let heads = ["figure", "measured", "least, quartiles", "baseline", "ratio", "target", ""]

    static func text(_ report: BenchReport) -> String {
        let rows = [heads] + report.figures.map(row)
        let widths = heads.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for (index, row) in rows.enumerated() {
            let line = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
                .joined(separator: "  ")
            text += line.replacingOccurrences(of: " +$", with: "", options: .regularExpression) + "\n"
            if index == 0 { text += String(repeating: "-", count: line.count) + "\n" }
        }
        return text + report.notes.map { "* \($0)\n" }.joined()
    }

    private static func row(_ figure: Figure) -> [String] {
        [
            "\(figure.topic.rawValue): \(figure.name)",
            "\(number(figure.value)) \(figure.unit)",
            figure.samples > 1
                ? "\(number(figure.least)), \(number(figure.low))–\(number(figure.high)) (\(figure.samples))" : "",
            figure.baseline.map { "\(number($0.value)) \($0.name)" } ?? "",
            figure.ratio.map { String(format: "%.2f", $0) } ?? "",
            figure.target.map(words) ?? "",
            figure.isMet.map { $0 ? "met" : "MISSED" } ?? "",
        ]
    }

    static func words(_ target: Figure.Target) -> String {
        switch target {
        case .ratioAtMost(let limit): "≤ \(number(limit)) ×"
        case .ratioAtLeast(let limit): "≥ \(number(limit)) ×"
        case .atMost(let limit): "≤ \(number(limit))"
        case .atLeast(let limit): "≥ \(number(limit))"
        }
    }

    /// Three or four digits that matter.
    static func number(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case ..<10: String(format: "%.2f", value)
        case ..<100: String(format: "%.1f", value)
        default: String(format: "%.0f", value)
        }
    }
}
