import Testing

@testable import SandboxController
@testable import keystone

@Suite struct ParserTests {
    @Test(arguments: [
        ("agent start --memory 4G", "memory", "4G"),
        ("agent start --memory=4G", "memory", "4G"),
        ("agent start --memory=", "memory", ""),
        ("agent start --memory=-5", "memory", "-5"),
        ("agent start --memory=a=b", "memory", "a=b"),
        ("agent start --cpus 2", "vcpus", "2"),
        ("agent start --cpus 2 --vcpus=3", "vcpus", "3"),
        ("agent exec -w /tmp -- ls", "cwd", "/tmp"),
        ("agent exec -w/tmp -- ls", "cwd", "/tmp"),
        ("agent exec -w=/tmp -- ls", "cwd", "/tmp"),
        ("agent exec -itw/tmp -- ls", "cwd", "/tmp"),
        ("agent exec -itw /tmp -- ls", "cwd", "/tmp"),
        ("agent exec -w - -- ls", "cwd", "-"),
        ("--state-dir /s agent list", "state-dir", "/s"),
        ("agent --state-dir=/s list", "state-dir", "/s"),
        ("agent list --state-dir /s", "state-dir", "/s"),
    ])
    func everyFormOfAValueIsUnderstood(_ line: String, _ option: String, _ value: String) {
        let parse = parse(line)
        #expect(parse.outcome == .run)
        #expect(parse.arguments.given.last { $0.option == option }?.value?.text == value)
    }

    @Test(arguments: ["-v agent list", "agent -v list", "agent list -v", "agent list --verbose", "agent ls -qv"])
    func globalFlagsAreAcceptedAnywhere(_ line: String) {
        #expect(GlobalOptions(parse(line).arguments).verbosity == .verbose)
    }

    @Test func globalFlagsBehindTheSeparatorBelongToTheCommand() {
        let parse = parse("agent exec app -- ls -v --help --version")
        #expect(parse.outcome == .run)
        #expect(parse.arguments.given.isEmpty)
        #expect(parse.arguments.trailing == ["ls", "-v", "--help", "--version"])
    }

    @Test func clusteredFlagsAndRepeatedValues() {
        let parse = parse("agent exec -it -e A=1 -eB=2 --env C app -- sh")
        #expect(parse.arguments.has(ExecCommand.interactive) && parse.arguments.has(ExecCommand.terminal))
        #expect(parse.arguments.all(ExecCommand.environment) == ["A=1", "B=2", "C"])
        #expect(parse.arguments.positionals == ["app"])
    }

    @Test func argumentsOfTheCommandKeepTheirBytes() {
        let raw = Word(bytes: [0xFF, 0x20, 0x0A, 0x2D])
        let parse = parse(["agent", "exec", "-e", Word(bytes: [0x41, 0x3D, 0xFE]), "--", raw, "--", ""])
        #expect(parse.arguments.trailing == [raw, "--", ""])
        #expect(parse.arguments.all(ExecCommand.environment).first?.bytes == [0x41, 0x3D, 0xFE])
    }

    @Test func theLastOfAFlagAndItsOppositeCounts() throws {
        #expect(try StartOptions.layer(parse("agent start --nested --no-nested").arguments).nested == false)
        #expect(try StartOptions.layer(parse("agent start --no-nested --nested").arguments).nested == true)
        #expect(try StartOptions.layer(parse("agent start").arguments).nested == nil)
    }

    @Test(arguments: [
        ("agent", ParseFailure.missingCommand),
        ("", .missingCommand),
        ("agent image", .missingCommand),
        ("agent strat", .unknownCommand("strat")),
        ("start", .unknownCommand("start")),
        ("agent start --memry 4G", .unknownOption("--memry")),
        ("agent start --memry=4G", .unknownOption("--memry")),
        ("agent exec -ix -- ls", .unknownOption("-x")),
        ("agent start --memory", .missingValue(.init(spelling: "--memory", placeholder: "SIZE"), next: nil)),
        (
            "agent start --memory --fresh",
            .missingValue(.init(spelling: "--memory", placeholder: "SIZE"), next: "--fresh")
        ),
        ("agent exec -e -- ls", .missingValue(.init(spelling: "-e", placeholder: "NAME[=VALUE]"), next: "--")),
        ("agent start --fresh=yes", .unexpectedValue(.init(spelling: "--fresh", placeholder: ""))),
        ("agent exec -i=yes -- ls", .unexpectedValue(.init(spelling: "-i", placeholder: ""))),
        ("agent start a b", .unexpectedArgument("b")),
        ("agent start a -- b", .unexpectedArgument("b")),
        ("agent list x", .unexpectedArgument("x")),
        ("agent destroy", .missingArgument("NAME")),
        ("agent exec", .missingTrailing),
        ("agent exec app --", .missingTrailing),
        ("agent exec a b -- ls", .unexpectedArgument("b")),
        ("agent -v exec -it app ls -la", .missingSeparator(options: ["-it"], rest: ["app", "ls", "-la"])),
        ("agent stop --json", .nothingToFormat),
        ("--json agent exec -- ls", .nothingToFormat),
    ])
    func everyMistakeHasItsOwnFailure(_ line: String, _ expected: ParseFailure) {
        #expect(failure(line) == expected)
    }

    /// Flags of later versions must not be taken for something they don't do yet.
    @Test(arguments: [
        "stop --sync", "start --sync-mode manual", "start --agent claude", "shell", "ps",
    ])
    func whatThisVersionCannotDoIsNotAccepted(_ line: String) { #expect(failure("agent " + line) != nil) }

    @Test(arguments: [
        "--help", "-h", "agent --help", "agent start --help", "agent start -h --memory", "agent start --bogus --help",
        "help",
        "help agent start", "agent help start", "agent exec foo ls --help", "agent help image build",
        "agent destroy -h",
    ])
    func helpWinsOverEveryMistake(_ line: String) { #expect(parse(line).outcome == .help) }

    @Test func helpIsAboutTheCommandReached() {
        #expect(parse("help agent start").commandLine == "keystone agent start")
        #expect(parse("agent image build --nonsense --help").commandLine == "keystone agent image build")
    }

    @Test(arguments: ["--version", "agent --version", "agent list --version"])
    func versionIsAcceptedEverywhere(_ line: String) { #expect(parse(line).outcome == .version) }

    @Test func theProgramHasTwoNames() {
        let words: [Word] = ["exec", "app", "--", "ls"]
        let parse = ArgumentParser.parse(words, root: KeystoneProgram.root(calledAs: "/usr/bin/keystone-agent"))
        #expect(parse.outcome == .run)
        #expect(parse.commandLine == "keystone-agent exec")
        #expect(KeystoneProgram.root(calledAs: "keystone").name == "keystone")
    }
}
