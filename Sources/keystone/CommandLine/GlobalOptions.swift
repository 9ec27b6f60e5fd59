/// What every command accepts, anywhere before `--`.
struct GlobalOptions: Equatable, Sendable {
    enum Verbosity: Int, Comparable, Sendable {
        case quiet, normal, verbose, debug
        static func < (a: Verbosity, b: Verbosity) -> Bool { a.rawValue < b.rawValue }
    }

    static let stateDirectoryOption = Option.value("state-dir", "DIR", "Keep the registry, images and sandboxes in DIR")
    static let verboseOption = Option.flag("verbose", short: "v", "Say more about what is being done")
    static let debugOption = Option.flag("debug", "Say everything, with times")
    static let quietOption = Option.flag("quiet", short: "q", "Say nothing but results and errors")
    static let jsonOption = Option.flag("json", "Print the result as JSON")
    static let noInputOption = Option.flag("no-input", "Never ask anything, never attach")
    static let helpOption = Option.flag("help", short: "h", "Show this help")
    static let versionOption = Option.flag("version", "Show the version")
    static let all = [
        stateDirectoryOption, verboseOption, debugOption, quietOption, jsonOption, noInputOption, helpOption,
        versionOption,
    ]

    var stateDirectory: String?
    var verbosity = Verbosity.normal
    var json = false
    var noInput = false

    init() {}

    init(_ arguments: ParsedArguments) {
        stateDirectory = arguments.last(Self.stateDirectoryOption)?.text
        if arguments.has(Self.quietOption) { verbosity = .quiet }
        if arguments.has(Self.verboseOption) { verbosity = .verbose }
        if arguments.has(Self.debugOption) { verbosity = .debug }
        json = arguments.has(Self.jsonOption)
        noInput = arguments.has(Self.noInputOption)
    }
}
