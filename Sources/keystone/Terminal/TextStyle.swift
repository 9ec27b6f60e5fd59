import Glibc

/// Colour and emphasis, or none: only on a terminal that can, and without `NO_COLOR` (no-color.org).
struct TextStyle: Equatable, Sendable {
    let enabled: Bool

    static let plain = TextStyle(enabled: false)

    /// For text that goes to this descriptor.
    init(descriptor: Int32) {
        self.enabled = isatty(descriptor) == 1 && !TextStyle.isSet("NO_COLOR") && TextStyle.value("TERM") != "dumb"
    }

    init(enabled: Bool) { self.enabled = enabled }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }
    func red(_ text: String) -> String { wrap(text, "31") }
    func green(_ text: String) -> String { wrap(text, "32") }
    func yellow(_ text: String) -> String { wrap(text, "33") }
    func cyan(_ text: String) -> String { wrap(text, "36") }

    private func wrap(_ text: String, _ code: String) -> String {
        enabled && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    private static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    private static func isSet(_ name: String) -> Bool { value(name).map { !$0.isEmpty } ?? false }
}
