import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

/// A monitor's folder, and what happens to it.
@Suite("Losing the state folder")
struct StatePlaceTests {
    private final class Fixture {
        let directory = StateDirectory(root: "/tmp/keystone-place-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let place: StatePlace

        init() throws {
            try PrivateFiles.makeFolder(directory.stateFolder("one"))
            place = StatePlace(
                "one", in: directory, lock: try FileLock(path: directory.monitorLock("one"), deadline: .never))
        }
        deinit { try? FileManager.default.removeItem(atPath: directory.root) }

        var isTold: Bool {
            var entry = pollfd(fd: place.watchDescriptor, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, 0) == 1
        }
    }

    @Test func ordinaryWorkInTheFolderIsNoNews() throws {
        let fixture = try Fixture()
        try StateFile(state: .running).write(fixture.directory.stateFile("one"))
        EventLog(path: fixture.directory.eventsFile("one")).append("stage")
        _ = try? FileLock(path: fixture.directory.monitorLock("one"), deadline: .after(milliseconds: 0))
        #expect(!fixture.isTold && fixture.place.isOurs && !fixture.place.isTaken)
    }

    @Test func aRemovedFolderIsTold() throws {
        let fixture = try Fixture()
        try FileManager.default.removeItem(atPath: fixture.directory.root)
        #expect(fixture.isTold && !fixture.place.isOurs && !fixture.place.isTaken)
    }

    @Test(arguments: ["", "/sandboxes", "/sandboxes/one", "/sandboxes/one/state"])
    func aFolderMovedAwayIsTold(below: String) throws {
        let fixture = try Fixture()
        let away = fixture.directory.root + "-away"
        defer { try? FileManager.default.removeItem(atPath: away) }
        #expect(rename(fixture.directory.root + below, away) == 0)
        #expect(fixture.isTold && !fixture.place.isOurs && !fixture.place.isTaken)
    }

    @Test func anothersFolderInItsPlaceIsNotOurs() throws {
        let fixture = try Fixture()
        try FileManager.default.removeItem(atPath: fixture.directory.sandboxFolder("one"))
        try PrivateFiles.makeFolder(fixture.directory.stateFolder("one"))
        let other = try FileLock(path: fixture.directory.monitorLock("one"), deadline: .after(milliseconds: 0))
        #expect(!fixture.place.isOurs && fixture.place.isTaken)
        withExtendedLifetime(other) {}
    }

    @Test func theMonitorHearsOfItOnce() throws {
        let fixture = try Fixture()
        let channel = StartChannel(
            try FileDescriptor.open("/dev/null", O_RDWR), events: EventLog(path: fixture.directory.eventsFile("one")))
        channel.finish(ControlMessage(.done))
        let loop = try MonitorLoop(channel: channel, clock: nil)
        loop.watch(fixture.place)
        func next() -> String { String(describing: loop.next(deadline: .after(milliseconds: 20))) }
        #expect(next() == "deadline")
        chmod(fixture.directory.monitorLock("one"), 0o640)
        #expect(next() == "deadline")
        try FileManager.default.removeItem(atPath: fixture.directory.root)
        #expect(next() == "stateLost")
        #expect(next() == "deadline")
    }
}

@Suite("Why a machine ended")
struct MachineEndTests {
    @Test func qemuSaysWhyItEnds() throws {
        let pair = try UnixSocket.pair()
        let qmp = try QMPChannel(pair.first)
        try pair.second.writeAll(
            Array(
                """
                {"QMP": {"version": {}}}
                {"return": {}}
                {"timestamp": {"seconds": 1}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}

                """.utf8))
        #expect(qmp.readEvents() == ["SHUTDOWN"])
        #expect(qmp.shutdownReason == "guest-reset")
    }

    @Test func aPanicIsFoundBehindItsCalls() throws {
        let path = "/tmp/keystone-console-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        let calls = (0..<100).map { "[    2.\($0)] call trace line \($0) of the kernel\r\n" }.joined()
        let text = "booting\r\n[    2.0] Kernel panic - not syncing: sysrq triggered crash\r\n" + calls
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let line = LogTail.lastLine(of: path, with: "Kernel panic - not syncing")
        #expect(line == "[    2.0] Kernel panic - not syncing: sysrq triggered crash")
        #expect(LogTail.lastLine(of: path, with: "no such text") == nil)
        #expect(LogTail.lastLine(of: path)?.hasPrefix("[    2.99]") == true)
    }
}
