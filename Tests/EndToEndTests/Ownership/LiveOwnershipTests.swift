import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// A `mapped` share while its sandbox runs: what either side makes is right on the other.
    @Suite(.enabled(if: getuid() == 0)) struct LiveOwnership {
        private static let user = SpawnRequest.Identity(userID: 4322, groupID: 4323, groups: [4323])

        /// Runs something on the host as the project's owner, in the project.
        private func asOwner(_ words: [String], in project: Project) throws -> Finished {
            var request = SpawnRequest(
                candidates: ["/bin/" + words[0], "/usr/bin/" + words[0]], arguments: words,
                environment: ["PATH=/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"], descriptors: [])
            request.directory = project.folder
            request.identity = Self.user
            return try Running(request).finish()
        }

        private func status(_ path: String) -> stat? {
            var status = stat()
            return lstat(path, &status) == 0 ? status : nil
        }

        private func has(_ attribute: String, _ path: String) -> Bool {
            guard let file = try? FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else { return false }
            return file.hasAttribute(attribute)
        }

        /// Without sleeping: the watch has its own thread in another process.
        private func wait(seconds: Double = 5, _ isSo: () -> Bool) -> Bool {
            let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
            while !isSo() {
                if deadline.hasPassed { return false }
                sched_yield()
            }
            return true
        }

        private func expectWatched(_ sandbox: TestSandbox) throws {
            let isWatched = try FileWatch.wait(in: sandbox.stateFolder, within: 20) {
                (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)
                    .contains("\"state\":\"watching\"")) ?? false
            }
            #expect(isWatched, "the share is not watched")
        }

        @Test func aFileOfTheHostIsRightInTheGuestByItself() throws {
            let project = try Project("live", owner: Self.user)
            try TestSandbox.with("live", project: project) { sandbox in
                try expectWatched(sandbox)
                var slowest = 0.0
                for number in 0..<20 {
                    let began = Deadline.now()
                    let path = project.path("new\(number)")
                    try project.write("new\(number)", Array("host".utf8))
                    #expect(wait { has("user.virtfs.gid", path) })
                    slowest = max(slowest, Double(Deadline.now() - began) / 1e6)
                }
                #expect(slowest < 50, "\(slowest) ms")
                let owners = try sandbox.shell("cd /workspace && stat -c %u:%g new* | sort | uniq -c")
                #expect(owners.line.split(separator: " ") == ["20", "4322:4323"], "\(owners)")
                // A tree at once, which the guest's user then may change.
                let making =
                    "for d in 1 2 3 4 5; do mkdir -p tree/$d/in && touch tree/$d/in/a tree/$d/b tree/$d/c; done"
                try HostProgram.run(["sh", "-c", making], in: project.folder)
                let trees = "cd /workspace && find tree ! -user sandbox -o ! -group sandbox | wc -l"
                var wrong = ""
                #expect(
                    try (0..<20).contains { _ in
                        wrong = try sandbox.shell(trees).line
                        return wrong == "0"
                    }, "\(wrong)")
                #expect(try sandbox.shell("echo more >> /workspace/tree/5/in/a").code == 0)
                let told = try sandbox.keystone.mustSucceed(["status", sandbox.name]).text
                #expect(told.contains("mapped, because root runs it") && told.contains("folders: new files"), "\(told)")
                #expect(told.contains("symbolic links can't") && told.contains("because these ids own"), "\(told)")
            }
        }

        @Test func whatTheGuestMakesCanBeUsedByTheProjectsOwner() throws {
            let project = try Project("live-back", owner: Self.user)
            try TestSandbox.with("live-back", project: project) { sandbox in
                try expectWatched(sandbox)
                let script = """
                    cd /workspace && printf '#!/bin/sh\\necho ran\\n' > run && chmod 4755 run && mkdir -p made/deep \
                    && echo x > made/deep/f && ln -s run link && chmod 444 made/deep/f
                    git add -A && git -c user.name=A -c user.email=a@b commit -qm guest && git status --short
                    """
                let made = try sandbox.shell(script)
                #expect(made.code == 0 && made.text.isEmpty, "\(made)")
                #expect(wait { (status(project.path("run"))?.st_mode ?? 0) & 0o7777 == 0o755 })
                #expect(try asOwner(["sh", "-c", "./run"], in: project).line == "ran")
                #expect(wait { status(project.path("made/deep/f"))?.st_uid == 4322 })
                #expect(try asOwner(["sh", "-c", "echo y > made/deep/g && rm made/deep/f"], in: project).code == 0)
                // The guest sees what its owner did, and may go on.
                #expect(wait { has("user.virtfs.mode", project.path("made/deep")) })
                let seen = try sandbox.shell("cd /workspace/made/deep && ls && echo z >> g && stat -c '%U %a' .")
                #expect(seen.lines == ["g", "sandbox 755"], "\(seen)")
                // Host git can use the repository; the link is what can't be right on both sides.
                let git = try asOwner(["git", "status", "--short"], in: project)
                #expect(git.lines.filter { !$0.contains("made/deep") } == [" T link"], "\(git)")
                #expect(try asOwner(["git", "log", "--format=%s"], in: project).lines.contains("guest"))
                // The host's chmod is the guest's, too; a link of the guest's is nothing to execute.
                #expect(try asOwner(["chmod", "700", "run"], in: project).code == 0)
                var mode = ""
                #expect(
                    try (0..<20).contains { _ in
                        mode = try sandbox.exec("stat", "-c", "%a", "/workspace/run").line
                        return mode == "700"
                    }, "\(mode)")
                #expect((status(project.path("link"))?.st_mode ?? 0) & 0o111 == 0)
                // What was made right before the end is looked at, too.
                _ = try sandbox.shell("cd /workspace && for i in 1 2 3 4 5; do echo > l$i; chmod 755 l$i; done")
                try sandbox.keystone.mustSucceed(["stop", "--force", sandbox.name])
                for number in 1...5 {
                    let last = status(project.path("l\(number)"))
                    #expect(last?.st_uid == 4322 && (last?.st_mode ?? 0) & 0o7777 == 0o755)
                }
            }
        }

        @Test func anOrdinaryUserMayChooseMapped() throws {
            let project = try Project("live-own", owner: Self.user)
            let keystone = try Keystone(of: Self.user, home: "home-of-live-own", in: project.folder)
            try TestSandbox.with(
                "live-own", options: ["--share-security", "mapped"], keystone: keystone, project: project
            ) { sandbox in
                try expectWatched(sandbox)
                #expect(
                    try sandbox.shell(
                        "cd /workspace && mkdir d && printf '#!/bin/sh\\necho ran' > d/run && chmod 755 d/run"
                    )
                    .code == 0)
                #expect(wait { (status(project.path("d/run"))?.st_mode ?? 0) & 0o7777 == 0o755 })
                #expect(try asOwner(["sh", "-c", "d/run"], in: project).line == "ran")
            }
        }

        @Test func aShareThatIsRightByConstructionIsNotWatched() throws {
            let project = try Project("live-none", owner: Self.user)
            let keystone = try Keystone(of: Self.user, home: "home-of-live-none", in: project.folder)
            try TestSandbox.with("live-none", keystone: keystone, project: project) { sandbox in
                // Lines such as `inotify wd:1 ino:8d4a sdev:fe00000 mask:…` (proc(5)); the monitor watches its own folder too.
                let folder = "/proc/\(try sandbox.processes().monitor)/fdinfo"
                let watches = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                    try? String(contentsOfFile: folder + "/" + $0, encoding: .utf8)
                }.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("inotify ") }
                let inode = String(try #require(status(project.folder)).st_ino, radix: 16)
                #expect(!watches.isEmpty && !watches.contains { $0.contains(" ino:\(inode) ") }, "\(watches)")
                let told = try sandbox.keystone.mustSucceed(["status", sandbox.name]).text
                #expect(told.contains("none, because an ordinary user runs it") && !told.contains("watched"), "\(told)")
            }
        }

        /// A guest that makes, renames and removes as fast as it can, with links to where it wants us to go.
        @Test func aHostileGuestGainsNothingAndCostsLittle() throws {
            let project = try Project("live-hostile", owner: Self.user)
            let victim = try Room.shared().makeFolder("live-victim")
            try Data("secret".utf8).write(to: URL(fileURLWithPath: victim + "/file"))
            chmod(victim + "/file", 0o600)
            try TestSandbox.with("live-hostile", project: project) { sandbox in
                try expectWatched(sandbox)
                // Real links to outside, which the host made, for the guest to move about.
                for number in 0..<4 { symlink(victim, project.path("out\(number)")) }
                let attack = """
                    cd /workspace; end=$(( $(date +%s) + 8 )); i=0
                    for w in 0 1 2 3; do (
                      while [ $(date +%s) -lt $end ]; do
                        mkdir d$w 2>/dev/null; mv -T d$w t$w; mv -T out$w d$w; echo > d$w/file; chmod 777 d$w/file d$w
                        mv -T d$w out$w; mv -T t$w d$w; echo > d$w/file; chmod 777 d$w/file; ln d$w/file l$w.$i 2>/dev/null
                        mkdir -p n$w/$i/a/b/c; i=$((i+1))
                      done ) 2>/dev/null & done; wait; true
                    """
                let monitor = try sandbox.processes().monitor
                let before = try ProcessFigures(monitor)
                let began = Deadline.now()
                let used = processorSeconds(monitor)
                #expect(try sandbox.exec(["sh", "-c", attack], within: 120).code == 0)
                let share = (processorSeconds(monitor) - used) / (Double(Deadline.now() - began) / 1e9)
                #expect(share < 0.6, "\(share)")
                let after = try ProcessFigures(monitor)
                #expect(after.descriptors <= before.descriptors + 4, "\(before) then \(after)")
                #expect(after.anonymousKibibytes < before.anonymousKibibytes + 64 * 1024, "\(before) then \(after)")
                // It still works, and nothing outside has changed.
                try project.write("marker", [])
                #expect(wait(seconds: 30) { has("user.virtfs.gid", project.path("marker")) })
                for path in [victim, victim + "/file"] {
                    #expect(!has("user.virtfs.uid", path) && status(path)?.st_uid == 0, "\(path)")
                }
                #expect((status(victim + "/file")?.st_mode ?? 0) & 0o7777 == 0o600)
                #expect(try HostProgram.run(["ls", "-A", victim]).line == "file")
            }
        }

        private func processorSeconds(_ process: pid_t) -> Double {
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return 0 }
            let fields = text[text.index(after: end)...].split(separator: " ")
            return fields.count > 12 ? ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / 100 : 0
        }
    }
}
