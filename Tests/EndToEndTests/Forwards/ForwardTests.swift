import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// Ports and sockets of a guest without any network, reached from the host.
    @Suite struct Forwards {
        private static let box = Result { try TestSandbox.start("forwards", options: ["--network", "none"]) }
        let sandbox: TestSandbox
        init() throws { sandbox = try Self.box.get() }

        /// Something that runs in the guest until `stop`, and says `up` when it listens.
        private func serve(_ script: String) throws -> Running {
            let running = try sandbox.begin(["sh", "-c", script + "; read -r x"], options: ["-i"], input: .open)
            try running.wait(forOutput: "up\n")
            return running
        }

        private struct Line: Decodable {
            let host: String
            let guest: String
            var port: UInt16 { host.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }
        }

        /// A running `forward`, and what it says of itself once it is ready.
        private func forward(_ words: [String]) throws -> (Running, [Line]) {
            let running = try sandbox.keystone.begin(["forward", sandbox.name, "--json"] + words)
            try running.wait("\(words.count) lines", within: 30) { $0.text.filter { $0 == "\n" }.count == words.count }
            let lines = try running.text.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
            return (running, lines)
        }

        private struct Event: Decodable {
            let event: String
            let id: String?
            let host: String?
            let guest: String?
            let connections: Int?
            let toGuestBytes: Int?
            let toHostBytes: Int?
            let seconds: Double?
        }

        private func events() throws -> [Event] {
            // In those of other kinds the same words may be texts.
            try sandbox.keystone.mustSucceed(["events", sandbox.name, "--json"]).lines.compactMap {
                try? JSONDecoder().decode(Event.self, from: Data($0.utf8))
            }
        }

        /// Waits for the end of what one forward of the host's end `host` began.
        private func end(of host: String) throws -> Event {
            var found: Event?
            let hasEnded = try FileWatch.wait(in: sandbox.stateFolder, within: 10) {
                guard let all = try? events(), let begin = all.last(where: { $0.event == "forward" && $0.host == host })
                else { return false }
                found = all.last { $0.id == begin.id && $0.event != "forward" }
                return found != nil
            }
            try #require(hasEnded)
            return try #require(found)
        }

        @Test func whatListensIsListedAndReached() throws {
            let hash = try sandbox.project.writeRandom("down", mebibytes: 16)
            defer { sandbox.project.remove("down") }
            let server = try serve("httpd -p 8080 -h /workspace && echo up")
            let watch = try sandbox.keystone.begin(["health", sandbox.name, "--watch", "--json"])
            try watch.wait(forOutput: "\"port\":8080")
            let ports = try sandbox.keystone.mustSucceed(["ports", sandbox.name])
            #expect(ports.lines.contains { $0.hasPrefix("8080 ") && $0.contains("forward \(sandbox.name) 8080") })
            struct Port: Decodable { let port: Int; let address: String; let forwardable: Bool }
            let json = try sandbox.keystone.mustSucceed(["ports", sandbox.name, "--json"])
            let list = try JSONDecoder().decode([Port].self, from: Data(json.output))
            #expect(list.contains { $0.port == 8080 && $0.forwardable }, "\(json)")
            let asked = try sandbox.keystone.agent("forward", sandbox.name)
            #expect(asked.code == 2 && asked.errorText.contains("8080") && asked.isOneClearSentence, "\(asked)")

            let (running, lines) = try forward(["0:8080"])
            for _ in 0..<3 {
                let answer = try fetch("/down", lines[0].port)
                #expect(answer.status == "HTTP/1.0 200 OK" || answer.status == "HTTP/1.1 200 OK", "\(answer.status)")
                let path = sandbox.project.path("got")
                try Data(answer.body).write(to: URL(fileURLWithPath: path))
                #expect(try HostProgram.sha256(ofFile: path) == hash)
                sandbox.project.remove("got")
            }
            let status = try sandbox.keystone.mustSucceed(["status", sandbox.name]).text
            #expect(status.contains("1 from this host"), "\(status)")
            // As timeout(1) does, to its child and then to its group; not a person's second thought.
            try running.send(SIGTERM)
            try? running.send(SIGTERM)
            let finished = try running.finish()
            #expect(finished.code == 130 && finished.errorText.isEmpty, "\(finished)")
            let end = try end(of: lines[0].host)
            #expect(end.event == "forward.ended" && end.connections == 3 && end.guest == "8080")
            #expect((end.toHostBytes ?? 0) > 3 * 16 << 20 && (end.seconds ?? -1) > 0)
            server.closeInput()
            _ = try server.finish()
        }

        private func fetch(_ path: String, _ port: UInt16) throws -> (status: String, body: ArraySlice<UInt8>) {
            let socket = try TcpSocket.connect(to: .loopback4, port: port, deadline: .after(milliseconds: 5_000))
            let deadline = Deadline.after(milliseconds: 60_000)
            try socket.sendAll(Array("GET \(path) HTTP/1.0\r\n\r\n".utf8), deadline: deadline)
            let all = try socket.readAll(limit: 64 << 20, deadline: deadline)
            let separator = Array("\r\n\r\n".utf8)
            let head = (0..<min(all.count, 4096)).first { all[$0...].starts(with: separator) } ?? 0
            let status = String(decoding: all[..<head].prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
            return (status, all[min(head + 4, all.count)...])
        }

        @Test func socketsAreReachedAndMuchTravelsBothWays() throws {
            let hash = try sandbox.project.writeRandom("up", mebibytes: 16)
            defer { sandbox.project.remove("up") }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sandbox.project.path("up"))))
            let echo = try sandbox.begin(
                ["keystone-guest-probe", "socket-echo", "/tmp/echo.sock"], options: ["-u", "root"])
            try echo.wait(forOutput: "ready\n")
            let sum = try sandbox.begin(["sh", "-c", "nc -l -p 9000 | sha256sum"])
            let watch = try sandbox.keystone.begin(["health", sandbox.name, "--watch", "--json"])
            try watch.wait(forOutput: "\"port\":9000")
            let path = sandbox.project.path("host.sock")
            let (running, lines) = try forward([
                "0:/tmp/echo.sock", "\(path):/tmp/echo.sock", "0:9000", "0:9", "0:/none",
            ])

            #expect(try converse(connect(lines[0]), bytes) == bytes)
            #expect(try converse(UnixSocket.connect(to: path), Array(bytes[..<100_000])) == Array(bytes[..<100_000]))
            #expect(try converse(connect(lines[2]), bytes).isEmpty)
            #expect(try sum.finish().text.hasPrefix(hash), "\(sum.text)")
            for (line, reason) in [(lines[3], "Nothing listens on port 9 "), (lines[4], "There is no socket /none ")] {
                #expect(throws: SystemError("read", code: ECONNRESET)) {
                    try connect(line).readAll(limit: 1, deadline: .after(milliseconds: 20_000))
                }
                try running.wait("the reason", within: 10) { $0.errorText.contains(reason) }
            }
            #expect(running.errorText.split(separator: "\n").count == 2, "\(running.errorText)")

            // Somebody still uses it when it is killed.
            let last = try connect(lines[0])
            try last.sendAll([1], deadline: .after(milliseconds: 5_000))
            var byte: UInt8 = 0
            try last.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 10_000))
            #expect(read(last.rawValue, &byte, 1) == 1 && byte == 1)
            try running.send(SIGKILL)
            _ = try running.finish()
            #expect(try end(of: lines[0].host).event == "forward.lost")
            #expect(try end(of: path).event == "forward.lost")
            // What it could not remove any more is not taken from anybody.
            let again = try sandbox.keystone.agent("forward", sandbox.name, "\(path):80")
            #expect(again.code == 7 && again.isOneClearSentence, "\(again)")
            sandbox.project.remove("host.sock")
            try echo.send(SIGTERM)
            _ = try echo.finish()
        }

        private func connect(_ line: Line) throws -> FileDescriptor {
            try TcpSocket.connect(to: .loopback4, port: line.port, deadline: .after(milliseconds: 5_000))
        }

        /// Sends all of it, while it takes what comes back up to the end.
        private func converse(_ socket: consuming FileDescriptor, _ bytes: [UInt8]) throws -> [UInt8] {
            let deadline = Deadline.after(milliseconds: 60_000)
            let sending = try socket.duplicate()
            let raw = sending.release()
            try Thread.start(name: "sender") {
                let sending = FileDescriptor(owning: raw)
                try? sending.sendAll(bytes, deadline: deadline)
                shutdown(sending.rawValue, Int32(SHUT_WR))
            }
            return try socket.readAll(limit: bytes.count, deadline: deadline)
        }

        @Test func theEndOfTheSandboxIsToldInASentence() throws {
            let (running, lines) = try forward(["0:80"])
            try sandbox.keystone.mustSucceed(["stop", sandbox.name])
            let finished = try running.finish(within: 30)
            #expect(finished.code == 4 && finished.isOneClearSentence, "\(finished)")
            #expect(finished.errorText.contains("is stopped, so nothing is forwarded"), "\(finished)")
            #expect(try end(of: lines[0].host).event == "forward.ended", "with its last words")
            let late = try sandbox.keystone.agent("forward", sandbox.name, "0:80")
            #expect(late.code == 4 && late.isOneClearSentence, "\(late)")
            try sandbox.startAgain(["--network", "none"])
        }
    }
}
