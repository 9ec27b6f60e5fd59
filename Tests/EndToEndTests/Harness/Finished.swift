import LinuxSystem

/// What a program left.
struct Finished: Sendable, CustomStringConvertible {
    let status: ExitStatus
    let output: [UInt8]
    let errors: [UInt8]
    /// From its start to its end.
    let seconds: Double

    /// As a shell tells it.
    var code: Int32 { status.shellCode }
    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
    /// Standard output without the line's end.
    var line: String { text.hasSuffix("\n") ? String(text.dropLast()) : text }
    var lines: [String] { text.split(separator: "\n").map(String.init) }

    /// What went wrong, in what a user is meant to see: one line, or one sentence and indented advice. Stages of the work
    /// (`[  0.0 s] checking the image`) and the warning that there is no KVM may stand before it.
    var isOneClearSentence: Bool {
        let lines = errorText.split(separator: "\n").filter {
            !$0.hasPrefix("  ") && !$0.hasPrefix("[") && !$0.hasPrefix("keystone: No KVM")
        }
        return lines.count == 1 && lines[0].hasPrefix("keystone: ") && lines[0].contains(".")
            && !errorText.contains("Fatal error") && !errorText.contains("Optional(")
    }

    var description: String {
        "\(status) after \(seconds) s; stdout: \(String(text.prefix(2000))); stderr: \(String(errorText.suffix(3000)))"
    }
}
