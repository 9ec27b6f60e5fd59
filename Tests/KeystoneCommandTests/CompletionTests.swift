import Testing

@testable import keystone

@Suite struct CompletionTests {
    private func answer(_ line: String) -> CompletionAnswer {
        let names = CompletionEngine.Names(
            sandboxes: { [.init("app", $0 ?? "default"), .init("backend")] }, images: { _ in [.init("minimal")] })
        return CompletionEngine.answer(
            line.split(separator: " ", omittingEmptySubsequences: false).map { Word(String($0)) }, names: names)
    }

    private func values(_ line: String) -> [String]? {
        guard case .candidates(let all) = answer(line) else { return nil }
        return all.map(\.value)
    }

    @Test func everyCommandOptionAndExampleIsReachable() {
        for path in allCommands() {
            let line = path.map(\.name).joined(separator: " ")
            guard let command = path.last else { continue }
            for child in command.subcommands { #expect(values("\(line) \(child.name)")?.contains(child.name) == true) }
            guard command.subcommands.isEmpty else { continue }
            let offered = values("\(line) -") ?? []
            for option in command.makeSurface().options { #expect(offered.contains(option.spelling), "\(line)") }
            #expect(offered.contains("--json") == command.makeSurface().showsJSON, "\(line)")
        }
    }

    @Test func commandsAreOfferedByTheirBeginning() {
        #expect(values("keystone ") == ["agent"])
        #expect(values("keystone agent sta") == ["start", "status"])
        #expect(values("keystone-agent sta") == ["start", "status"])
        #expect(values("keystone agent image b") == ["build"])
        #expect(values("keystone agent nonsense x") == [])
        #expect(values("keystone -v agent --quiet sto") == ["stop"])
    }

    @Test func whatWasGivenIsOfferedNoMoreUnlessItRepeats() {
        #expect(values("keystone agent start --image a --ima") == [])
        #expect(values("keystone agent start --image=a --ima") == [])
        #expect(values("keystone agent start --env A=1 --env")?.contains("--env") == true)
    }

    @Test func valuesOfOptionsAreOfferedInEveryWayOfWriting() {
        #expect(values("keystone agent start --network ") == ["user", "none", "tap", "bridge"])
        #expect(values("keystone agent start --network=n") == ["--network=none"])
        #expect(values("keystone agent start --image ") == ["minimal"])
        #expect(answer("keystone agent start --env-file ") == .files)
        #expect(answer("keystone agent start --env-file=a") == .files)
        #expect(answer("keystone agent list --state-dir ") == .folders)
        #expect(values("keystone agent start --memory ") == [])
        #expect(values("keystone agent start --quiet=") == [])
    }

    @Test func sandboxesAreOfferedWhereOneIsNamed() {
        #expect(values("keystone agent stop ") == ["app", "backend"])
        #expect(values("keystone agent stop b") == ["backend"])
        #expect(values("keystone agent stop app ") == [])
        #expect(values("keystone agent tokens list --state-dir /s a") == ["app"])
        #expect(
            answer("keystone agent --state-dir /s stop a") == .candidates([.init("app", "/s")]),
            "the registry of the state directory that was typed")
    }

    @Test func behindTheSeparatorTheGuestDecides() {
        #expect(values("keystone agent exec ") == ["app", "backend", "--"])
        #expect(values("keystone agent exec app ") == ["--"])
        #expect(values("keystone agent exec app -- l") == [])
        #expect(values("keystone agent exec app -- -") == [])
    }

    @Test func anAnswerIsALineEachWhateverNamesHold() {
        let answer = CompletionAnswer.candidates([.init("a", "b\nc\td\u{1B}[1m")])
        #expect(answer.text == "words\na\tb\\nc\\td\\u{1B}[1m\n")
        #expect(CompletionAnswer.files.text == "files\n")
    }
}
