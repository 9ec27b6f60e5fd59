import Foundation
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct StartPlanTests {
    private let scratch = Scratch()
    private var state: String { scratch.path + "/state" }

    private func plan(_ words: String...) throws -> StartRequest {
        let parse = parse((["agent", "start", "--state-dir", state] + words).map { Word($0) })
        return try StartPlan.request(Invocation(parse, environment: ["HOME": scratch.path]))
    }

    private func register(_ records: SandboxRecord...) throws {
        try Registry(directory: StateDirectory(root: state)).update { $0 = records }
    }

    @Test func aNewSandboxIsNamedForItsProjectAndMadeByTheDefaults() throws {
        let top = try scratch.repository("My App")
        let request = try plan(top)
        #expect(request.name == "My-App" && request.project == top && request.settings == SandboxSettings())
        #expect(!request.fresh && request.timeoutSeconds == StartRequest.defaultTimeoutSeconds)
    }

    @Test func flagsAreUnderstood() throws {
        let top = try scratch.repository("app")
        let request = try plan(
            "--name", "x", "--memory", "2G", "--cpus=2", "--no-nested", "--network", "none", "--fresh", "--timeout",
            "90s", "--accel",
            "tcg", "--share-security", "mapped", "--image", "dev", "--workspace", "passthrough", "--share=9p", top)
        let settings = SandboxSettings(
            memoryMebibytes: 2048, processors: 2, nested: false, network: .none, shareSecurity: .mapped,
            accelerator: .tcg, image: "dev")
        #expect(request.name == "x" && request.settings == settings && request.fresh && request.timeoutSeconds == 90)
    }

    @Test func aKnownSandboxKeepsWhatItWasMadeWith() throws {
        let top = try scratch.repository("app")
        var known = record("odd-name", project: top)
        known.settings = SandboxSettings(memoryMebibytes: 1234, processors: 1)
        try register(known)
        let request = try plan("--cpus", "3", top)
        #expect(request.name == "odd-name" && request.settings == SandboxSettings(memoryMebibytes: 1234, processors: 3))
        #expect(try plan("--name", "second", top).settings == SandboxSettings())
    }

    @Test func aFolderSharedWithoutGitIsFoundAgain() throws {
        let plain = try scratch.folder("plain/inside")
        #expect(throws: ControllerError.self) { try plan(plain) }
        #expect(try plan("--no-git", plain).project == plain)
        try register(record("inside", project: plain))
        #expect(try plan(plain).name == "inside")
    }

    @Test func noGitSharesTheFolderItself() throws {
        let top = try scratch.repository("app")
        let inside = try scratch.folder("app/part")
        #expect(try plan(inside).project == top)
        #expect(try plan("--no-git", inside).project == inside)
    }

    @Test func twoProjectsOfOneNameGetTwoNames() throws {
        let (first, second) = (try scratch.repository("a/app"), try scratch.repository("b/app"))
        try register(record("app", project: first))
        #expect(try plan(first).name == "app")
        #expect(try plan(second).name.hasPrefix("app-"))
    }

    @Test(arguments: [
        ["--memory", "0"], ["--memory", "1PB"], ["--cpus", "0"], ["--network", "lan"], ["--workspace", "clone"],
        ["--share", "virtiofs"],
        ["--accel", "hvf"], ["--share-security", "passthrough"], ["--timeout", "0"], ["--name", "a/b"],
        ["--name", "a\nb"], ["--name="],
        ["--image="],
    ])
    func whatIsWrongIsSaidBeforeAnythingIsDone(_ words: [String]) throws {
        let top = try scratch.repository("app")
        let parse = parse((["agent", "start", "--state-dir", state] + words + [top]).map { Word($0) })
        let error = #expect(throws: ControllerError.self) {
            try StartPlan.request(Invocation(parse, environment: ["HOME": scratch.path]))
        }
        #expect(error?.code == .usage && error?.message.contains("\n") == false)
        #expect(!FileManager.default.fileExists(atPath: state))
    }
}
