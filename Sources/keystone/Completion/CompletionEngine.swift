import SandboxController

/// Finds out what may stand where somebody is typing, from the declaration of the commands alone: what a command accepts
/// is offered, and nothing else.
struct CompletionEngine {
    /// Things that are named outside of the declarations.
    struct Names: Sendable {
        var sandboxes: @Sendable (_ stateDirectory: String?) -> [CompletionAnswer.Candidate]
        var images: @Sendable (_ stateDirectory: String?) -> [CompletionAnswer.Candidate]
    }

    private let names: Names
    private var command: Command
    private var surface: Surface
    private var given: Set<String> = []
    private var stateDirectory: String?
    private var positionals = 0
    private var isBehindSeparator = false
    /// The option whose value the next word is.
    private var awaiting: Option?

    /// - Parameter words: all up to the one being typed, which is last and may be empty; the program's name first.
    static func answer(_ words: [Word], names: Names) -> CompletionAnswer {
        guard words.count > 1, let current = words.last else { return .nothing }
        var engine = CompletionEngine(KeystoneProgram.root(calledAs: words[0].text), names)
        for word in words[1..<(words.count - 1)] {
            guard engine.pass(word) else { return .nothing }
        }
        return engine.complete(current.text)
    }

    private init(_ root: Command, _ names: Names) {
        self.names = names
        command = root
        surface = root.makeSurface()
    }

    /// - Returns: false when nothing can be offered behind this word.
    private mutating func pass(_ word: Word) -> Bool {
        if let option = awaiting {
            awaiting = nil
            note(option, value: word.text)
        } else if isBehindSeparator {
            positionals += 1
        } else if word.isSeparator {
            isBehindSeparator = true
        } else if word.looksLikeOption {
            return passOption(word.text)
        } else if !command.subcommands.isEmpty {
            guard let child = command.subcommand(word.text) else { return word == "help" }
            command = child
            surface = child.makeSurface()
        } else {
            positionals += 1
        }
        return true
    }

    private mutating func passOption(_ text: String) -> Bool {
        if text.hasPrefix("--") {
            let parts = text.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = options.first(where: { $0.isCalled(parts[0]) }) else { return false }
            if parts.count > 1 {
                note(option, value: String(parts[1]))
            } else if option.takesValue {
                awaiting = option
            } else {
                note(option, value: nil)
            }
            return true
        }
        for (place, letter) in text.dropFirst().enumerated() {
            guard let option = options.first(where: { $0.short == letter }) else { return false }
            if option.takesValue {
                let value = text.dropFirst(place + 2)
                if value.isEmpty { awaiting = option } else { note(option, value: String(value)) }
                return true
            }
            note(option, value: nil)
        }
        return true
    }

    private mutating func note(_ option: Option, value: String?) {
        if !option.repeats { given.insert(option.name) }
        if option.name == GlobalOptions.stateDirectoryOption.name { stateDirectory = value }
    }

    /// Those that mean something here.
    private var options: [Option] {
        surface.options
            + GlobalOptions.all.filter { $0.name != GlobalOptions.jsonOption.name || surface.showsJSON }
    }

    private func complete(_ text: String) -> CompletionAnswer {
        if let option = awaiting { return offer(option.suggestion, text) }
        if !isBehindSeparator, text.hasPrefix("-") { return completeOption(text) }
        if !command.subcommands.isEmpty {
            return matching(command.subcommands.map { .init($0.name, $0.summary) }, text)
        }
        // What is behind `--` of `exec` is the guest's to know.
        if isBehindSeparator, surface.trailing != nil { return .nothing }
        let last = surface.positionals.last
        if let place = positionals < surface.positionals.count ? surface.positionals[positionals] : last,
            positionals < surface.positionals.count || place.repeats
        {
            let offered = offer(place.suggestion, text)
            guard surface.trailing != nil, case .candidates(let all) = offered else { return offered }
            return .candidates(all + separator(text))
        }
        return surface.trailing == nil ? .nothing : .candidates(separator(text))
    }

    private func separator(_ text: String) -> [CompletionAnswer.Candidate] {
        text.isEmpty ? [.init("--", surface.trailing ?? "")] : []
    }

    private func completeOption(_ text: String) -> CompletionAnswer {
        if let equals = text.firstIndex(of: "="), text.hasPrefix("--") {
            let name = text[..<equals].dropFirst(2)
            guard let option = options.first(where: { $0.isCalled(name) }), option.takesValue else { return .nothing }
            let typed = String(text[text.index(after: equals)...])
            guard case .candidates(let values) = offer(option.suggestion, typed) else {
                return offer(option.suggestion, typed)
            }
            return .candidates(values.map { .init("--\(name)=\($0.value)", $0.summary) })
        }
        var all = options.filter { !given.contains($0.name) }.map {
            CompletionAnswer.Candidate($0.spelling, $0.summary)
        }
        if surface.trailing != nil { all += [.init("--", surface.trailing ?? "")] }
        return matching(all, text)
    }

    private func offer(_ suggestion: Suggestion, _ text: String) -> CompletionAnswer {
        switch suggestion {
        case .nothing: .nothing
        case .file: .files
        case .folder: .folders
        case .words(let words): matching(words.map { .init($0) }, text)
        case .sandbox: matching(names.sandboxes(stateDirectory), text)
        case .image: matching(names.images(stateDirectory), text)
        }
    }

    private func matching(_ all: [CompletionAnswer.Candidate], _ text: String) -> CompletionAnswer {
        .candidates(all.filter { $0.value.hasPrefix(text) })
    }
}
