import Foundation
import LinuxSystem
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct CreateAndPruneTests {
    private func write(_ state: SandboxState, _ name: String, _ program: Program, since: Date = Date()) throws {
        let directory = StateDirectory(root: program.state)
        try PrivateFiles.makeFolder(directory.stateFolder(name))
        try StateFile(state: state, since: since).write(directory.stateFile(name))
    }

    private func names(_ program: Program) throws -> [String] {
        try Registry(directory: StateDirectory(root: program.state)).read().map(\.name)
    }

    @Test func createKeepsTheSettingsAndBootsNothing() throws {
        let program = Program()
        let top = try program.scratch.repository("app")
        let made = try program.run(["agent", "create", "--memory", "2G", "--network", "none"], in: top)
        #expect(made.code == 0 && made.output == "app\n" && made.errors.contains("start --name app"))
        let record = try #require(try Registry(directory: StateDirectory(root: program.state)).record(named: "app"))
        #expect(record.settings.memoryMebibytes == 2048 && record.settings.network == .none && record.project == top)
        #expect(try program.run(["agent", "list"]).output.contains("app   created"))
    }

    @Test func whatGoesWhenItStopsIsASettingOfTheSandbox() throws {
        let program = Program()
        let top = try program.scratch.repository("app")
        func persists(_ name: String) throws -> Bool? {
            try Registry(directory: StateDirectory(root: program.state)).record(named: name)?.settings.persists
        }
        #expect(try program.run(["agent", "create"], in: top).code == 0)
        #expect(try persists("app") == true)
        #expect(try program.run(["agent", "create", "--name", "brief", "--ephemeral"], in: top).code == 0)
        #expect(try persists("brief") == false)
        #expect(try program.run(["agent", "status", "brief"]).output.contains("ephemeral  removed when it stops"))
        #expect(try program.run(["agent", "status", "brief", "--json"]).output.contains("\"persist\" : false"))
        #expect(try program.run(["agent", "create", "--name", "kept", "--ephemeral", "--persist"], in: top).code == 0)
        #expect(try persists("kept") == true, "the last word counts")
    }

    @Test func createRefusesWhatIsThereAndWhatCannotBe() throws {
        let program = Program()
        let top = try program.scratch.repository("app")
        #expect(try program.run(["agent", "create", "--image", "none"], in: top).code == 5)
        #expect(try program.run(["agent", "create", "--memory", "15T"], in: top).code == 6)
        #expect(try program.run(["agent", "create", "--name", "../x"], in: top).code == 2)
        #expect(try program.run(["agent", "create"]).code == 2)
        #expect(try names(program).isEmpty)
        #expect(try program.run(["agent", "create"], in: top).code == 0)
        #expect(try program.run(["agent", "create"], in: top).code == 4)
        #expect(try program.run(["agent", "create", "--name", "app"], in: top).code == 4)
        let second = try program.run(["agent", "create", "--name", "two", "--json"], in: top)
        let object = try JSONSerialization.jsonObject(with: Data(second.output.utf8)) as? [String: Any]
        #expect(object?["name"] as? String == "two" && object?["state"] as? String == "created")
    }

    @Test func pruneRemovesWhatIsOverAndKeepsTheRest() throws {
        let program = Program()
        let project = try program.scratch.folder("project")
        let lost = record("lost", project: program.scratch.path + "/gone")
        try program.register(
            ["stopped", "broken", "new", "running"].map { record($0, project: project) } + [lost])
        try write(.stopped, "stopped", program)
        try write(.error(code: .machineFailed, reason: "x"), "broken", program)
        try write(.running, "running", program)
        // Its monitor's lock is what says that it runs.
        let directory = StateDirectory(root: program.state)
        let lock = try FileLock(path: directory.monitorLock("running"), deadline: .after(milliseconds: 1000))
        let dry = try program.run(["agent", "prune", "--dry-run", "--json"])
        #expect(dry.code == 0)
        #expect(try names(program).count == 5, "a dry run removes nothing")
        for name in ["stopped", "broken", "lost"] { #expect(dry.output.contains("\"name\" : \"\(name)\"")) }
        let asked = try program.run(["agent", "prune"])
        #expect(asked.code == 2 && asked.errors.contains("3 sandboxes") && asked.errors.contains("--force"))
        #expect(try names(program).count == 5, "nobody agreed")
        let done = try program.run(["agent", "prune", "--force"])
        #expect(done.code == 0 && done.errors.contains("removed 3 sandboxes"), "\(done.errors)")
        #expect(try names(program) == ["new", "running"])
        #expect(!FileManager.default.fileExists(atPath: directory.sandboxFolder("stopped")))
        #expect(FileManager.default.fileExists(atPath: project))
        #expect(try program.run(["agent", "prune", "--force", "--all"]).code == 0)
        #expect(try names(program) == ["running"])
        withExtendedLifetime(lock) {}
    }

    @Test func pruneLooksAtTheAgeAndAtTheKindThatIsAskedFor() throws {
        let program = Program()
        let project = try program.scratch.folder("project")
        try program.register([record("old", project: project), record("young", project: project)])
        try write(.stopped, "old", program, since: Date().addingTimeInterval(-7200))
        try write(.stopped, "young", program)
        #expect(try program.run(["agent", "prune", "-f", "--images"]).errors.contains("nothing to remove"))
        #expect(try program.run(["agent", "prune", "-f", "--older", "1h"]).code == 0)
        #expect(try names(program) == ["young"])
        #expect(try program.run(["agent", "prune", "--older", "soon"]).code == 2)
    }

    @Test func theManualHasEveryCommandAndOption() {
        let page = ManualPage.text(CommandTree.agent(named: "agent"))
        for path in allCommands(CommandTree.agent(named: "agent")).dropFirst() {
            let line = (["keystone agent"] + path.dropFirst().map(\.name)).joined(separator: " ")
            #expect(page.contains(".SS \"\(ManualPage.plain(line))\"\n"), "\(line)")
            for option in path.last?.makeSurface().options ?? [] {
                #expect(page.contains(ManualPage.plain(option.spelling)), "\(line) \(option.spelling)")
            }
        }
        #expect(ManualPage.plain(".x-\\\"") == "\\&.x\\-\\e\\(dq")
    }
}
