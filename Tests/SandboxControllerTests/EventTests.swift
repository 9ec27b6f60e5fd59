import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Events")
struct EventTests {
    private final class Room {
        let folder = NSTemporaryDirectory() + "keystone-events-\(UUID().uuidString)"
        let directory: StateDirectory
        let path: String

        init() throws {
            directory = StateDirectory(root: folder)
            path = directory.eventsFile("box")
            try FileManager.default.createDirectory(
                atPath: directory.stateFolder("box"), withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func events() throws -> [SandboxEvent] {
            var all: [SandboxEvent] = []
            try EventReader(sandbox: "box", in: directory).read { all.append($0) }
            return all
        }
    }

    @Test func everyEventIsALineOfJSONWithItsBootAndTime() throws {
        let room = try Room()
        let log = EventLog(path: room.path)
        log.append(.warning, ["text": "a \"b\"\n\u{1B}[2J\u{9B}\u{202E}ü\\"])
        log.record(.exec, ["argv": .list(["x", "y z"]), "exit": .number(3), "seconds": .number(0.25)])
        let text = try String(contentsOfFile: room.path, encoding: .utf8)
        #expect(text.hasSuffix("}\n") && text.split(separator: "\n").count == 2)
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x7F..<0xA0).contains($0.value) })
        let events = try room.events()
        #expect(events.map(\.kind) == [.warning, .exec])
        #expect(events[0].details["text"] == .text("a \"b\"\n\u{1B}[2J\u{9B}\u{202E}ü\\"))
        #expect(events[1].details["argv"] == .list(["x", "y z"]) && events[1].details["exit"] == .number(3))
        #expect(events.allSatisfy { $0.details["start"] == .text(log.start) } && events[0].time <= events[1].time)
        #expect(events[1].details["seconds"] == .number(0.25))
    }

    @Test func aTornLineCostsOnlyItself() throws {
        let room = try Room()
        EventLog(path: room.path).append(.starting)
        let file = try FileDescriptor.open(room.path, O_WRONLY | O_APPEND)
        try file.writeAll(Array("{\"event\":\"exec\",\"time\":\"20".utf8))
        EventLog(path: room.path).append(.stopped)
        #expect(try room.events().map(\.kind) == [.starting, .stopped])
    }

    @Test func theFilesAreBoundedAndReadInOrder() throws {
        let room = try Room()
        let log = EventLog(path: room.path)
        let text = String(repeating: "x", count: 100_000)
        for number in 0..<150 { log.append(.stage, ["stage": text, "number": "\(number)"]) }
        let sizes = try [room.path, room.path + ".1"].map {
            try FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int ?? 0
        }
        #expect(sizes.reduce(0, +) < 2 * Int(EventLog.rotationSize) + 250_000, "\(sizes)")
        let numbers = try room.events().compactMap { event -> Int? in
            if case .text(let text)? = event.details["number"] { return Int(text) }
            return nil
        }
        #expect(numbers.last == 149 && numbers == Array((150 - numbers.count)..<150) && numbers.count > 40)
    }

    @Test func aReaderGoesOnWhereItWasAlsoWhenTheFileIsReplaced() throws {
        let room = try Room()
        let reader = EventReader(sandbox: "box", in: room.directory)
        let log = EventLog(path: room.path)
        func new() throws -> [EventKind] {
            var kinds: [EventKind] = []
            try reader.read { kinds.append($0.kind) }
            return kinds
        }
        #expect(try new() == [])
        log.append(.starting)
        #expect(try new() == [.starting])
        log.append(.running)
        rename(room.path, room.path + ".1")
        log.append(.stopping)
        log.append(.stopped)
        #expect(try new() == [.running, .stopping, .stopped])
        #expect(try new() == [])
    }

    @Test func aFollowerIsWokenByEachEventAndByTheEnd() throws {
        let room = try Room()
        let follower = try EventFollower(sandbox: "box", in: room.directory)
        EventLog(path: room.path).append(.starting)
        #expect(follower.wait())
        try FileManager.default.removeItem(atPath: room.folder)
        while follower.wait() {}
    }

    @Test func kindsAreNamedOnce() {
        #expect(Set(EventKind.all).count == EventKind.all.count)
    }

    // MARK: Commands

    /// A command as the monitor records it: its beginning, and what its client does then.
    private func record(_ request: ExecRequest, _ room: Room, _ end: (consuming ControlClient) throws -> Void) throws
        -> [SandboxEvent]
    {
        let ended = try EventDescriptor()
        let watch = ExecWatch(EventLog(path: room.path), try ReceiptWatch()) { ended.signal() }
        let listener = try UnixSocket.listen(at: room.directory.controlSocket("box"))
        let client = try ControlClient(sandbox: "box", in: room.directory, deadline: .after(milliseconds: 5_000))
        guard let visitor = try UnixSocket.accept(listener.rawValue) else { return [] }
        let reply = ControlReply(visitor)
        watch.begin(ExecNote.add(request, to: ControlMessage(.access)), reply, at: Deadline.now())
        let follower = try EventFollower(sandbox: "box", in: room.directory)
        try end(client)
        while try room.events().count < 2 { #expect(follower.wait()) }
        return try room.events()
    }

    private var request: ExecRequest {
        ExecRequest(arguments: [Array("echo".utf8), [], [0xFF, 10]], directory: "/tmp", user: "ada")
    }

    @Test func aCommandIsRecordedWithItsEnd() throws {
        let room = try Room()
        let events = try record(request, room) { client in ExecReceipt(client).ended(code: 7) }
        #expect(events.map(\.kind) == [.exec, .execEnded])
        #expect(events[0].details["argv"] == .list(["echo", "", "\u{FFFD}\n"]))
        #expect(events[0].details["user"] == .text("ada") && events[0].details["cwd"] == .text("/tmp"))
        #expect(events[1].details["exit"] == .number(7) && events[1].details["id"] == events[0].details["id"])
        guard case .number(let seconds)? = events[1].details["seconds"] else {
            Issue.record("no duration in \(events[1].line)")
            return
        }
        #expect(seconds >= 0 && seconds < 60)
    }

    @Test func aClientThatGoesWithoutAWordIsRecordedAsLost() throws {
        let room = try Room()
        let events = try record(request, room) { client in _ = consume client }
        #expect(events.map(\.kind) == [.exec, .execLost])
    }

    @Test func aDetachedCommandIsRecordedWithItsSession() throws {
        let room = try Room()
        let events = try record(request, room) { client in ExecReceipt(client).detached(session: "s\u{1B}-1") }
        #expect(events.map(\.kind) == [.exec, .execDetached])
        #expect(events[1].details["session"] == .text("s\\u{1B}-1"))
    }

    @Test func longCommandsAreCut() throws {
        let room = try Room()
        let long = ExecRequest(arguments: (0..<1000).map { _ in [UInt8](repeating: 97, count: 100) })
        let events = try record(long, room) { client in ExecReceipt(client).ended(code: 0) }
        #expect(events[0].details["cut"] == .text("true"))
        #expect(events[0].line.utf8.count < ExecNote.limit * 2)
    }
}
