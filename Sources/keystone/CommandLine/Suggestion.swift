/// What a shell may offer where a value is typed.
enum Suggestion: Equatable, Sendable {
    case nothing
    case sandbox
    case image
    case file
    case folder
    case words([String])

    init(optionPlaceholder placeholder: String) {
        switch placeholder {
        case "FILE": self = .file
        case "DIR": self = .folder
        case "IMAGE": self = .image
        default: self = .nothing
        }
    }

    init(positional name: String) {
        switch name {
        case "NAME": self = .sandbox
        case "IMAGE": self = .image
        case "FILE", "PATH": self = .file
        case "DIR": self = .folder
        default: self = .nothing
        }
    }
}
