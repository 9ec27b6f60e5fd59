import Testing

@testable import SandboxController
@testable import keystone

@Suite struct SentenceTests {
    private func sentence(_ line: String) -> String {
        let parse = parse(line)
        return failure(parse).map { parse.error($0).description } ?? ""
    }

    @Test(arguments: [
        ("agent strat", "Did you mean `keystone agent start`?"),
        ("agent sart", "Did you mean `keystone agent start`?"),
        ("agent lsit", "Did you mean `keystone agent list`?"),
        ("agent image biuld", "Did you mean `keystone agent image build`?"),
        ("start", "Did you mean `keystone agent start`?"),
        ("agnet start", "Did you mean `keystone agent`?"),
        ("agent start --memroy 4G", "Did you mean --memory?"),
        ("agent start --cpu 2", "Did you mean --cpus?"),
        ("agent start --verbos", "Did you mean --verbose?"),
        ("agent --memory 4G start", "as in `keystone agent start --memory`"),
        ("agent exec foo ls -la", "Write `keystone agent exec -- foo ls -la`."),
        ("agent start --memory -5", "write `--memory=-5`"),
        ("agent start --fresh=1", "--fresh takes no value."),
    ])
    func mistakesAreAnsweredWithWhatWasProbablyMeant(_ line: String, _ expected: String) {
        #expect(sentence(line).contains(expected))
    }

    @Test func nothingIsSuggestedForWhatResemblesNothing() {
        #expect(!sentence("agent zzzzzzzz").contains("Did you mean"))
    }

    @Test func correctedLinesAreQuotedForTheShell() {
        #expect(parse(["agent", "exec", "foo", "a b", "it's"]).outcome != .run)
        #expect(Word("it's").shellQuoted == "'it'\\''s'")
        #expect(Word("").shellQuoted == "''")
        #expect(Word("--a=b/c:d,e@f+1%").shellQuoted == "--a=b/c:d,e@f+1%")
        #expect(Word("$HOME").shellQuoted == "'$HOME'")
    }

    @Test func controlCharactersOfAMistakeAreShownAsEscapes() {
        let parse = parse(["agent", "x\u{1B}[31m\n"])
        #expect(
            failure(parse).map { parse.error($0).message } == "\"x\\u{1B}[31m\\n\" is not a command of keystone agent.")
    }
}
