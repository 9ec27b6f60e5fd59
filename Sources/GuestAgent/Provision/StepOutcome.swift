/// What a step that did not fail came to.
struct StepOutcome: Equatable {
    var changed = false
    /// Sentences for people.
    var notes: [String] = []

    static let unchanged = StepOutcome()
    static func done(_ note: String) -> StepOutcome { StepOutcome(changed: true, notes: [note]) }

    mutating func note(_ sentence: String) { notes.append(sentence) }
}
