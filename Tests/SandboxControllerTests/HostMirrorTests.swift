import Glibc
import Testing

@testable import SandboxController

/// What of a guest's mode the host gets, and how a share is chosen: pure rules.
@Suite struct HostMirrorTests {
    /// As QEMU makes files and folders, or as the host made them.
    private static let (file, folder) = (S_IFREG | 0o600, S_IFDIR | 0o700)

    @Test(
        arguments: [
            // A project folder that is open to be read.
            (S_IFREG | 0o755, file, 0o055, 0o755), (S_IFREG | 0o644, file, 0o055, 0o644),
            (S_IFREG | 0o777, file, 0o055, 0o755),
            (S_IFREG | 0o444, file, 0o055, 0o644), (S_IFREG | 0o000, file, 0o055, 0o600),
            (S_IFREG | 0o7777, file, 0o055, 0o755),
            (S_IFDIR | 0o755, folder, 0o055, 0o755), (S_IFDIR | 0o3777, folder, 0o055, 0o755),
            (S_IFDIR | 0, folder, 0o055, 0o700),
            // One that is closed, and one that is its group's.
            (S_IFREG | 0o755, file, 0, 0o700), (S_IFDIR | 0o755, folder, 0, 0o700),
            (S_IFREG | 0o775, file, 0o050, 0o750),
            // What the host has given stays, as far as the guest lets it; a read-only file of the host's stays that.
            (S_IFREG | 0o775, S_IFREG | 0o664, 0o055, 0o775), (S_IFREG | 0o755, S_IFREG | 0o664, 0o055, 0o755),
            (S_IFREG | 0o755, S_IFREG | 0o644, 0, 0o744), (S_IFREG | 0o555, S_IFREG | 0o444, 0o055, 0o555),
            (S_IFDIR | 0o700, S_IFDIR | 0o2755, 0o055, 0o2700),
        ] as [(mode_t, mode_t, mode_t, mode_t)])
    func theHostGetsNoMoreThanItMay(guest: mode_t, real: mode_t, open: mode_t, wanted: mode_t) {
        let mode = HostMirror.mode(guest: guest, real: real, open: open)
        #expect(mode == wanted, "\(String(mode, radix: 8))")
    }

    @Test func whatIsRememberedComesBack() {
        let memory = HostMirror.Memory(guest: S_IFREG | 0o4755, host: 0o755)
        let read = HostMirror.Memory(memory.value)
        #expect(read.guest == S_IFREG | 0o4755 && read.host == 0o755)
        #expect(HostMirror.Memory(.max).host == 0o7777)
    }

    @Test func theShareIsChosenByWhoRunsIt() throws {
        #expect(try ShareChoice.choose(asked: nil, isRoot: true).security == .mapped)
        #expect(try ShareChoice.choose(asked: nil, isRoot: false).security == .none)
        #expect(try ShareChoice.choose(asked: .mapped, isRoot: false).security == .mapped)
        #expect(throws: ControllerError.self) {
            try ShareChoice.choose(asked: SandboxSettings.ShareSecurity.none, isRoot: true)
        }
    }

    @Test func aTreeFollowsItsFolders() {
        var tree = WatchTree(top: 1)
        func name(_ text: String) -> [CChar] { Array(text.utf8CString) }
        #expect(tree.attach(2, to: 1, as: name("a"), round: 1) == .done)
        #expect(tree.attach(3, to: 2, as: name("b"), round: 1) == .done)
        #expect(tree.names(of: 3) == [name("a"), name("b")])
        // Moved to the top, and its old parent into it.
        #expect(tree.attach(3, to: 1, as: name("c"), round: 1) == .done)
        #expect(tree.attach(2, to: 3, as: name("d"), round: 1) == .done)
        #expect(tree.names(of: 2) == [name("c"), name("d")])
        #expect(tree.attach(3, to: 2, as: name("e"), round: 1) == .circular)
        // Another of its name takes its place; then it is nowhere, and what is below it, too.
        #expect(tree.attach(4, to: 1, as: name("c"), round: 2) == .done)
        #expect(tree.names(of: 3) == nil && tree.names(of: 2) == nil)
        #expect(Set(tree.takeNowhere()) == [2, 3] && tree.count == 2)
        #expect(tree.takeOlder(than: 3) == [4] && tree.count == 1)
        var parent: Int32 = 1
        for number in 0..<Int32(WatchTree.depthLimit) {
            #expect(tree.attach(number + 10, to: parent, as: name("x"), round: 3) == .done)
            parent = number + 10
        }
        #expect(tree.attach(9_999, to: parent, as: name("x"), round: 3) == .tooDeep)
    }
}
