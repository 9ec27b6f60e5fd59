import Foundation
import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// Paths that break programs, and disks without room.
    @Suite struct StrangePaths {
        @Test func spacesCommasAndUTF8InEveryPath() throws {
            let project = try Project("Prøject, with späces = 100% \"✓\"")
            let state = try Room.shared().folder + "/Stäte, with späces = \"✓\""
            let keystone = try Keystone(in: project.folder, stateDirectory: state)
            try TestSandbox.with("strange", keystone: keystone, project: project) { sandbox in
                #expect(try sandbox.exec("cat", "/workspace/README.md").code == 0)
                #expect(try sandbox.shell("echo made > '/workspace/a b, ü'").code == 0)
                #expect(try project.read("a b, ü") == Array("made\n".utf8))
                try sandbox.keystone.mustSucceed(["stop", "strange"])
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            }
        }

        @Test func aStateDirectoryLongerThanASocketsPath() throws {
            let part = String(repeating: "long", count: 12)
            let state = try Room.shared().folder + "/\(part)/\(part)/\(part)/state"
            #expect(state.utf8.count > 108 + 40)
            let keystone = try Keystone(stateDirectory: state)
            try TestSandbox.with("far-away", keystone: keystone) { sandbox in
                #expect(try sandbox.exec("echo", "reached").line == "reached")
                try sandbox.keystone.mustSucceed(["stop", "far-away"])
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            }
        }

        @Test(.enabled(if: getuid() == 0)) func aFullDiskLosesNothing() throws {
            let state = try Room.shared().makeFolder("state-on-a-small-disk")
            try HostProgram.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", state])
            defer { umount2(state, Int32(MNT_DETACH)) }
            let project = try Project("full-disk")
            let keystone = try Keystone(in: project.folder, stateDirectory: state)
            let sandbox = TestSandbox(name: "full-disk", project: project, keystone: keystone)
            try Images.build(in: sandbox.directory, for: keystone)
            try sandbox.startAgain()
            try sandbox.keystone.mustSucceed(["stop", "full-disk"])
            let registry = try Data(contentsOf: URL(fileURLWithPath: sandbox.directory.registryFile))
            // Full to the last byte.
            _ = try? HostProgram.run(["dd", "if=/dev/zero", "of=" + state + "/filler", "bs=4096", "status=none"])
            let start = try keystone.agent(TestSandbox.startWords("another"), within: 90)
            #expect(start.code == 6 && start.isOneClearSentence && start.errorText.contains("full"), "\(start)")
            let build = try keystone.agent(["image", "build", "--include", "nl"], within: 120)
            #expect(build.code == 6 && build.isOneClearSentence, "\(build)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: sandbox.directory.registryFile)) == registry)
            #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: sandbox.directory.imagesFolder).filter {
                    $0.hasPrefix(".work")
                }.isEmpty)
            // With room again everything is as before.
            unlink(state + "/filler")
            try sandbox.startAgain()
            #expect(try sandbox.exec("echo", "back").line == "back")
            try sandbox.keystone.mustSucceed(["stop", "--force", "full-disk"])
        }

        @Test(.enabled(if: getuid() == 0)) func aDiskThatFillsWhileASandboxRunsDoesNotEndIt() throws {
            let state = try Room.shared().makeFolder("state-on-a-filling-disk")
            try HostProgram.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", state])
            defer { umount2(state, Int32(MNT_DETACH)) }
            let keystone = try Keystone(stateDirectory: state)
            try TestSandbox.with("filling-disk", keystone: keystone) { sandbox in
                _ = try? HostProgram.run(["dd", "if=/dev/zero", "of=" + state + "/filler", "bs=4096", "status=none"])
                #expect(try sandbox.exec("echo", "alive").line == "alive")
                let stop = try sandbox.keystone.agent("stop", sandbox.name)
                #expect(stop.code == 0, "\(stop)")
                #expect(Traces.of(sandbox).isEmpty, "\(Traces.of(sandbox))")
            }
        }
    }
}
