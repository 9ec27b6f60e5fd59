import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// systemd's side of its private socket, as far as the agent uses it.
@Suite("systemd's interface")
struct SystemdBusTests {
    /// Answers each call by the member it finds in it, in order, after a signal.
    private final class FakeSystemd: @unchecked Sendable {
        let folder: String
        let path: String
        private let listener: FileDescriptor

        init(_ answers: [[UInt8]?]) throws {
            folder = try TestFolder.make()
            path = folder + "/private"
            listener = try UnixSocket.listen(at: path)
            let raw = listener.rawValue
            try Thread.start(name: "fake-systemd") {
                guard let visitor = try? UnixSocket.accept(raw) else { return }
                FakeSystemd.serve(visitor, answers)
            }
        }
        deinit { TestFolder.remove(folder) }

        private static func serve(_ visitor: borrowing FileDescriptor, _ answers: [[UInt8]?]) {
            var seen: [UInt8] = []
            func more() -> Bool {
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = read(visitor.rawValue, &chunk, chunk.count)
                if count > 0 { seen += chunk[..<count] }
                return count > 0
            }
            while !seen.contains(UInt8(ascii: "\n")) { guard more() else { return } }
            // "0" in hexadecimal digits, for root.
            guard seen.starts(with: Array("\0AUTH EXTERNAL 3".utf8)) else { return }
            try? visitor.writeAll(Array("OK 0123456789abcdef0123456789abcdef\r\n".utf8))
            while SystemdBusTests.endOfBegin(in: seen) == nil { guard more() else { return } }
            seen.removeFirst(SystemdBusTests.endOfBegin(in: seen) ?? 0)
            for answer in answers {
                var call = SystemdBus.parse(seen)
                while call == nil {
                    guard more() else { return }
                    call = SystemdBus.parse(seen)
                }
                let serial = UInt32(seen[8]) | UInt32(seen[9]) << 8
                seen.removeFirst(call?.1 ?? 0)
                guard let answer else { return }
                let reply = FakeSystemd.message(BusMessage.replyKind, answers: serial, answer)
                try? visitor.writeAll(FakeSystemd.message(BusMessage.signalKind, answers: nil, []) + reply)
            }
            _ = more()
        }

        static func message(_ kind: UInt8, answers: UInt32?, _ body: [UInt8]) -> [UInt8] {
            var fields = BusWriter()
            fields.putField(1, "o", "/org/freedesktop/systemd1/unit/x")
            if let answers {
                fields.align(8)
                fields.bytes += [5, 1, UInt8(ascii: "u"), 0]
                fields.put(answers)
            }
            fields.putSignatureField(8, "a(ssssssouso)")
            var message = BusWriter()
            message.bytes = [UInt8(ascii: "l"), kind, 0, 1]
            message.put(UInt32(body.count))
            message.put(UInt32(1))
            message.put(UInt32(fields.bytes.count))
            message.bytes += fields.bytes
            message.align(8)
            return message.bytes + body
        }

        static func units(_ names: [String]) -> [UInt8] {
            var body = BusWriter()
            body.put(UInt32(0))
            body.align(8)
            let start = body.bytes.count
            for name in names {
                body.align(8)
                body.put(name)
                for text in ["a description", "loaded", "active", "running", "", "/path"] { body.put(text) }
                body.put(UInt32(0))
                body.put("")
                body.put("/")
            }
            var length = BusWriter()
            length.put(UInt32(body.bytes.count - start))
            return length.bytes + body.bytes[4...]
        }
    }

    private static func endOfBegin(in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { ByteSearch.end(of: Array("BEGIN\r\n".utf8), in: $0) }
    }

    private static var state: [UInt8] {
        var body = BusWriter()
        body.bytes = [1, UInt8(ascii: "s"), 0]
        body.put("degraded")
        return body.bytes
    }

    @Test func unitsAreListedAndSignalsAreNews() throws {
        let systemd = try FakeSystemd([
            [], Self.state, FakeSystemd.units(["b.service", "a.mount"]),
            FakeSystemd.units(["z.service", "sshd.service"]),
        ])
        let bus = try #require(SystemdBus(path: systemd.path))
        let services = try #require(bus.services())
        #expect(services.state == "degraded" && services.failed == ["a.mount", "b.service"])
        #expect(services.active == ["sshd.service", "z.service"])
        #expect(bus.takeNews() == true)
        #expect(bus.takeNews() == false)
    }

    @Test func aSystemdThatGoesIsNoticed() throws {
        let systemd = try FakeSystemd([[], nil])
        let bus = try #require(SystemdBus(path: systemd.path))
        #expect(bus.services() == nil)
        #expect(bus.takeNews() == nil)
    }

    @Test func whereThereIsNoneThereIsNone() { #expect(SystemdBus(path: "/nonexistent/private") == nil) }

    @Test func garbageIsNoMessageAndHarmsNobody() {
        #expect(SystemdBus.parse([]) == nil)
        #expect(SystemdBus.parse([UInt8](repeating: 0xFF, count: 100)) == nil)
        var message = FakeSystemd.message(BusMessage.replyKind, answers: 7, [1, 2, 3])
        #expect(SystemdBus.parse(message)?.0.answers == 7)
        #expect(SystemdBus.parse(Array(message.dropLast())) == nil)
        for index in 16..<message.count {
            let kept = message[index]
            message[index] = 0xFF
            _ = SystemdBus.parse(message)
            message[index] = kept
        }
        #expect(SystemdBus.names([255, 255, 255, 255, 0, 0, 0, 0, 1]) == nil)
        #expect(SystemdBus.names([0, 0, 0, 0]) == [])
    }
}
