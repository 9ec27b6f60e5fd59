/// What one check of `doctor` found.
public struct Finding: Codable, Equatable, Sendable {
    /// How bad it is. Only `missing` makes `doctor` fail.
    public enum Level: String, Codable, CaseIterable, Sendable {
        case ok
        /// Worth knowing; nothing is worse for it.
        case note
        /// Sandboxes work, but slower or with less than they could have.
        case warning
        /// No sandbox can be started, or none made.
        case missing
    }

    /// A word that stays the same in every version, such as `kvm`.
    public let check: String
    public let level: Level
    /// What is there: a clause without a full stop, safe to print.
    public let found: String
    /// What that means for sandboxes: one sentence, or nil where all is well.
    public let meaning: String?
    /// What to type or do, exactly; nil where nothing needs doing.
    public let fix: String?

    static func ok(_ check: String, _ found: String) -> Finding {
        Finding(check: check, level: .ok, found: found, meaning: nil, fix: nil)
    }

    static func note(_ check: String, _ found: String, _ meaning: String, fix: String? = nil) -> Finding {
        Finding(check: check, level: .note, found: found, meaning: meaning, fix: fix)
    }

    static func warning(_ check: String, _ found: String, _ meaning: String, fix: String?) -> Finding {
        Finding(check: check, level: .warning, found: found, meaning: meaning, fix: fix)
    }

    static func missing(_ check: String, _ found: String, _ meaning: String, fix: String?) -> Finding {
        Finding(check: check, level: .missing, found: found, meaning: meaning, fix: fix)
    }

    /// A failure's own sentences.
    static func failed(_ check: String, _ error: ControllerError, _ meaning: String) -> Finding {
        Finding(
            check: check, level: .missing, found: PrintableText.escaped(error.message.withoutFullStop),
            meaning: meaning, fix: error.advice.map(PrintableText.escaped))
    }
}

extension String {
    fileprivate var withoutFullStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
