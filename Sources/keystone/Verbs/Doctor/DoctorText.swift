import SandboxController

/// Findings for people: a line each, and below what is not well, what it means and what to do.
enum DoctorText {
    static func of(_ findings: [Finding], _ style: TextStyle) -> String {
        let width = findings.map(\.check.count).max() ?? 0
        let levelWidth = Finding.Level.allCases.map(\.rawValue.count).max() ?? 0
        let margin = String(repeating: " ", count: width + levelWidth + 6)
        return findings.map { finding in
            let level = padded(finding.level.rawValue, levelWidth)
            var text = "  \(coloured(level, finding.level, style))  \(padded(finding.check, width))  \(finding.found)\n"
            if let meaning = finding.meaning { text += "\(margin)\(meaning)\n" }
            // A line of its own, unwrapped, so that it can be copied.
            if let fix = finding.fix { text += "\(margin)\(style.bold("Fix:")) \(fix)\n" }
            return text
        }.joined()
    }

    static func summary(_ findings: [Finding]) -> String {
        let missing = findings.filter { $0.level == .missing }.map(\.check)
        let warnings = findings.filter { $0.level == .warning }.count
        if !missing.isEmpty { return "no sandbox can be started yet: see \(missing.joined(separator: ", "))" }
        return warnings == 0
            ? "all that sandboxes need is here"
            : "all that sandboxes need is here; \(warnings == 1 ? "1 thing" : "\(warnings) things") could be better"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func coloured(_ text: String, _ level: Finding.Level, _ style: TextStyle) -> String {
        switch level {
        case .ok: style.green(text)
        case .note: style.cyan(text)
        case .warning: style.yellow(text)
        case .missing: style.red(text)
        }
    }
}
