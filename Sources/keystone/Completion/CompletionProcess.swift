import SandboxController

/// `keystone __complete WORDS…`: what the shells' scripts call at each Tab. No command for people, so it is not in the tree.
enum CompletionProcess {
    static let verb: Word = "__complete"

    /// - Parameter words: as typed so far, the program's name first.
    /// - Returns: the exit code.
    static func run(_ words: [Word]) -> Int32 {
        let directory: @Sendable (String?) -> StateDirectory = {
            StateDirectory.resolve(option: $0, variable: Invocation.processVariable)
        }
        let names = CompletionEngine.Names(
            sandboxes: { option in
                // Whatever is wrong with the registry is told by the command itself, not while somebody types.
                let places = (try? Registry(directory: directory(option)).places()) ?? []
                return places.map { .init($0.name, $0.project) }
            },
            images: { option in
                ImageStore(directory: directory(option)).tags().map { .init($0.tag, String($0.id.prefix(12))) }
            })
        do throws(ControllerError) {
            try StandardStream.result(CompletionEngine.answer(words, names: names).text)
        } catch { return ExitCode.failure.rawValue }
        return ExitCode.success.rawValue
    }
}
