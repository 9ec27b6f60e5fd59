import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// Words that mean nothing or too much: refused before anything is done.
    @Suite struct BadWords {
        let keystone: Keystone
        let project: Project

        init() throws {
            project = try Project("bad-words")
            keystone = try Keystone(in: project.folder, stateDirectory: Room.shared().folder + "/state-of-bad-words")
        }

        @Test(arguments: [
            "a/b", "../up", "new\nline", "", ".hidden", "-dash", "sp ace", "ünïcode", String(repeating: "n", count: 64),
            "a\u{1B}[31m",
        ])
        func aNameThatCantBeAFolderIsRefused(name: String) throws {
            let start = try keystone.agent("start", "--no-attach", "--name=" + name)
            #expect(start.code == 2 && start.isOneClearSentence, "\(start)")
            #expect(!start.errorText.contains("\u{1B}"), "a name reaches the terminal as it is: \(start)")
            let exec = try keystone.agent(["exec"] + (name.hasPrefix("-") ? [] : [name]) + ["--", "true"])
            #expect(exec.code == 125 && exec.isOneClearSentence, "\(exec)")
            #expect(
                !exists(keystone.stateDirectory.map { $0 + "/sandboxes.json" }), "nothing was registered")
        }

        private func exists(_ path: String?) -> Bool { path.map { access($0, F_OK) == 0 } ?? false }

        @Test(arguments: ["0", "-1", "1P", "1023", "twelve", "", "4X", "99999999999999999999", "1e3", "NaN"])
        func anAmountOfMemoryThatIsNoneIsRefused(memory: String) throws {
            let finished = try keystone.agent("start", "--no-attach", "--memory=" + memory)
            #expect(
                finished.code == 2 && finished.isOneClearSentence && finished.errorText.contains("memory"),
                "\(finished)")
        }

        @Test func moreMemoryThanTheHostHasIsRefused() throws {
            _ = try Images.folder()
            var keystone = keystone
            keystone.stateDirectory = try Room.shared().stateDirectory
            let finished = try keystone.agent("start", "--no-attach", "--name", "too-large", "--memory", "8T")
            #expect(finished.code == 6 && finished.isOneClearSentence, "\(finished)")
            _ = try keystone.agent("destroy", "--force", "too-large")
        }

        @Test(arguments: ["0", "-2", "256", "many", ""])
        func aNumberOfProcessorsThatIsNoneIsRefused(count: String) throws {
            let finished = try keystone.agent("start", "--no-attach", "--cpus=" + count)
            #expect(finished.code == 2 && finished.isOneClearSentence, "\(finished)")
        }

        @Test func whatIsNoProjectIsRefused() throws {
            for path in ["/", "/no/such/folder", "/etc/hostname", try Room.shared().makeFolder("no-project")] {
                let finished = try keystone.agent("start", "--no-attach", path)
                #expect(finished.code == 2 && finished.isOneClearSentence, "\(path): \(finished)")
            }
        }

        @Test(arguments: [
            ["--network", "carrier-pigeon"], ["--share-security", "some"], ["--accel", "warp"],
            ["--image", "no\nimage"], ["--timeout", "soon"],
        ])
        func aValueThatIsNoneIsRefused(words: [String]) throws {
            let finished = try keystone.agent(["start", "--no-attach"] + words)
            #expect(finished.code == 2 && finished.isOneClearSentence, "\(finished)")
        }

        @Test func anImageThatIsNotThereIsTold() throws {
            var keystone = keystone
            keystone.stateDirectory = try Room.shared().folder + "/state-without-image"
            let finished = try keystone.agent("start", "--no-attach")
            #expect(
                finished.code == 5 && finished.isOneClearSentence && finished.errorText.contains("image build"),
                "\(finished)")
        }

        @Test func aMistypedCommandIsPutRight() throws {
            for (words, meant) in [(["strat"], "start"), (["exce", "x", "--", "true"], "exec"), (["lsit"], "list")] {
                let finished = try keystone.agent(words)
                #expect(
                    finished.code == 2 && finished.isOneClearSentence && finished.errorText.contains(meant),
                    "\(words): \(finished)")
            }
            let option = try keystone.agent("start", "--memroy", "2G")
            #expect(option.code == 2 && option.errorText.contains("--memory"), "\(option)")
        }

        @Test(arguments: [
            ["start"], ["stop"], ["restart"], ["destroy"], ["list"], ["status"], ["exec"], ["image"],
            ["image", "build"], ["image", "list"], ["image", "import"], ["image", "inspect"], ["image", "prune"], [],
        ])
        func everyCommandHasHelp(words: [String]) throws {
            let finished = try keystone.agent(words + ["--help"])
            #expect(finished.code == 0 && finished.errors.isEmpty, "\(finished)")
            #expect(finished.text.contains("keystone agent") && finished.text.count > 200, "\(finished)")
        }

        @Test func theVersionIsTold() throws {
            let finished = try keystone.agent("--version")
            #expect(finished.code == 0 && finished.text.contains { $0.isNumber }, "\(finished)")
        }

        @Test func nothingIsNeededToListNothing() throws {
            let keystone = try Keystone(stateDirectory: Room.shared().folder + "/state-of-nothing")
            let list = try keystone.agent("list", "--json")
            #expect(list.code == 0 && list.text.filter { !$0.isWhitespace } == "[]", "\(list)")
            #expect(try keystone.agent("status", "nobody").code == 3)
            #expect(try keystone.agent("stop", "nobody").code == 3)
        }
    }
}
