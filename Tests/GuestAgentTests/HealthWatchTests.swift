import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

@Suite("When the reporter looks at what may have changed")
struct HealthWatchTests {
    private func seconds(_ deadline: Deadline) -> Double {
        (Double(deadline.nanoseconds) - Double(Deadline.now())) / 1e9
    }

    private func event(_ kinds: Int32 = POLLIN) -> [pollfd] { [pollfd(fd: 9, events: 1, revents: Int16(kinds))] }

    @Test func withoutTheKernelsWordPortsAreLookedAtEveryFiveSeconds() {
        var watch = PortWatch(events: nil)
        #expect((4...5).contains(seconds(watch.lookAt)) && watch.descriptors.isEmpty)
        #expect(watch.isOverdue)
        watch.noteLook()
        #expect((4...5).contains(seconds(watch.lookAt)) && !watch.isOverdue)
        watch.take([pollfd(fd: 9, events: 1, revents: 0)])
        #expect((4...5).contains(seconds(watch.lookAt)), "nothing was told")
    }

    @Test func aWordOfTheKernelsBringsALookAtOnceAndASecondOne() {
        var watch = PortWatch(events: nil)
        watch.take(event())
        #expect(seconds(watch.lookAt) < 0.1 && !watch.takeDue())
        _ = poll(nil, 0, watch.lookAt.pollTimeout)
        #expect(watch.takeDue() && !watch.takeDue())
        watch.noteLook()
        #expect((0.05...0.5).contains(seconds(watch.lookAt)))
        watch.noteLook()
        #expect(seconds(watch.lookAt) > 1, "no third one")
    }

    @Test func portsThatComeAndGoWithoutEndAreLookedAtTenTimesASecond() {
        var watch = PortWatch(events: nil)
        for _ in 0..<120 {
            watch.take(event())
            watch.noteLook()
        }
        watch.take(event())
        #expect(seconds(watch.lookAt) > 9)
    }

    @Test func marksFarAwayAreLookedAtOnceASecondWhileCommandsRunAndOnceAfterThem() {
        var watch = ScarcityWatch()
        let nothing = HealthReport(clock: 0)
        #expect(watch.lookAt == .never)
        watch.noteUse()
        #expect(watch.lookAt.hasPassed)
        #expect(watch.look(nothing, inUse: true).isEmpty)
        let next = watch.lookAt
        #expect((0.5...1).contains(seconds(next)))
        watch.noteUse()
        #expect(watch.lookAt == next, "more commands don't bring more looks")
        #expect(watch.look(nothing, inUse: false).isEmpty)
        #expect(watch.lookAt == .never)
        watch.noteUse()
        #expect((0.5...1).contains(seconds(watch.lookAt)), "nor do short ones")
    }

    @Test func theNearerAMarkTheSoonerItIsLookedAtAgain() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        try Mount.mount("test", on: folder, type: "tmpfs", data: "size=64m")
        defer { try? Mount.detach(folder) }
        let mount = HealthMount(path: folder, type: "tmpfs")
        var watch = ScarcityWatch()
        #expect(watch.look(HealthReport(clock: 0, mounts: [mount]), inUse: true).isEmpty)
        #expect((0.01...0.03).contains(seconds(watch.lookAt)))
        try Mount.mount("test", on: folder, type: "tmpfs", data: "size=1m")
        defer { try? Mount.detach(folder) }
        _ = watch.look(HealthReport(clock: 0, mounts: [mount]), inUse: true)
        #expect((0.5...1).contains(seconds(watch.lookAt)), "a place for locks does not set the pace")
        var readOnly = mount
        readOnly.isReadOnly = true
        _ = watch.look(HealthReport(clock: 0, mounts: [readOnly]), inUse: true)
        #expect((0.5...1).contains(seconds(watch.lookAt)), "what can't be written to can't be used up")
    }

    @Test func whatChangesWithoutCommandsIsLookedAtUntilItChangesNoMore() {
        func report(_ available: UInt64) -> HealthReport {
            HealthReport(
                clock: 0,
                mounts: [HealthMount(path: "/", type: "nonsense", total: 1_000_000, available: available)])
        }
        var watch = ScarcityWatch()
        watch.noteSteady(report(900_000), report(895_000))
        #expect(watch.lookAt == .never, "a log's few lines")
        watch.noteSteady(report(900_000), report(600_000))
        #expect(watch.lookAt.hasPassed)
        _ = watch.look(report(600_000), inUse: false)
        #expect((0.5...1).contains(seconds(watch.lookAt)))
        watch.noteSteady(report(600_000), report(600_000))
        _ = watch.look(report(600_000), inUse: false)
        #expect(watch.lookAt == .never)
    }

    @Test func aFileSystemPastAMarkIsNewsAndTheHostsAreNotAskedFor() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        /// The host was told the opposite of what is so now.
        func told(_ type: String) -> HealthReport {
            var now = statvfs()
            statvfs(folder, &now)
            let isFull = now.f_bavail < now.f_blocks / 10
            let mount = HealthMount(
                path: folder, type: type, total: 1000, available: isFull ? 500 : 10, entries: UInt64(now.f_files),
                entriesFree: UInt64(now.f_favail))
            return HealthReport(clock: 0, mounts: [mount])
        }
        var watch = ScarcityWatch()
        #expect(watch.look(told("tmpfs"), inUse: true) == .mounts)
        for type in ["9p", "virtiofs", "nfs", "fuse.sshfs", "nonsense"] {
            #expect(watch.look(told(type), inUse: true).isEmpty, "\(type)")
        }
    }

    @Test func memoryPastItsMarkIsNews() {
        var watch = ScarcityWatch()
        var figures = HealthFigures()
        FiguresReading.take(memory: KernelText.prefix(of: "/proc/meminfo", limit: 2048), &figures)
        #expect(watch.look(HealthReport(clock: 0, figures: figures), inUse: true).isEmpty)
        let isScarce = HealthMarks(figures).contains(.memory)
        figures.memoryAvailable = isScarce ? figures.memoryTotal : 0
        #expect(watch.look(HealthReport(clock: 0, figures: figures), inUse: true) == .figures)
    }
}
