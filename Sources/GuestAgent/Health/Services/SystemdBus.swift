import AgentProtocol
import Glibc
import LinuxSystem

/// systemd's own interface: D-Bus on its private socket, which root may use and for which no bus daemon has to run
/// (org.freedesktop.systemd1(5); `systemctl` of root goes the same way). It tells of each change by itself.
///
/// Belongs to the report channel's thread. Nothing waits longer than `deadline` for systemd.
final class SystemdBus {
    static let socket = "/run/systemd/private"
    private static let manager = "org.freedesktop.systemd1.Manager"
    private static let deadline = 2_000
    /// Bytes of one message: a list of some thousand units.
    private static let messageLimit = 1 << 20

    private let connection: FileDescriptor
    private var serial: UInt32 = 0
    private var buffer: [UInt8] = []
    /// Signals that came while an answer was waited for.
    private var hasNews = false

    /// To poll for POLLIN.
    var rawValue: Int32 { connection.rawValue }

    /// - Returns: nil where systemd does not run, or does not let us in.
    init?(path: String = SystemdBus.socket) {
        guard access(path, F_OK) == 0,
            let socket = try? UnixSocket.connect(to: path, deadline: .after(milliseconds: SystemdBus.deadline))
        else { return nil }
        connection = socket
        guard authenticate(), call("Subscribe") != nil else { return nil }
    }

    /// SASL EXTERNAL: the kernel tells systemd who we are, we only have to say the same, in hexadecimal digits of digits.
    private func authenticate() -> Bool {
        let name = String(geteuid()).utf8.map { "3" + String($0 - 48) }.joined()
        let limit = Deadline.after(milliseconds: SystemdBus.deadline)
        do throws(SystemError) {
            try connection.sendAll([0] + Array("AUTH EXTERNAL \(name)\r\nBEGIN\r\n".utf8), deadline: limit)
        } catch { return false }
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let accepted = buffer.starts(with: "OK ".utf8)
                buffer.removeFirst(end + 1)
                return accepted
            }
            guard buffer.count < 1024, fill(limit) else { return false }
        }
    }

    /// Takes what has come.
    /// - Returns: whether something has changed, or nil when systemd has gone.
    func takeNews() -> Bool? {
        while true {
            var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 0) > 0 else { break }
            guard fill(.after(milliseconds: 0)) else { return nil }
            while let message = takeMessage() { if message.kind == BusMessage.signalKind { hasNews = true } }
        }
        defer { hasNews = false }
        return hasNews
    }

    /// - Returns: nil when systemd does not answer.
    func services() -> HealthServices? {
        guard let state = systemState(),
            let failed = units("ListUnitsFiltered", [.list(["failed"])], HealthServices.failedLimit),
            let active = units(
                "ListUnitsByPatterns", [.list(["active", "reloading"]), .list(["*.service"])],
                HealthServices.activeLimit)
        else { return nil }
        return HealthServices(state: state, failed: failed, active: active)
    }

    private func systemState() -> String? {
        guard
            let reply = call(
                "Get", [.text(SystemdBus.manager), .text("SystemState")],
                interface: "org.freedesktop.DBus.Properties")
        else { return nil }
        // A variant of a string: its signature has one letter.
        var reader = BusReader(reply)
        guard reader.byte() == 1, reader.byte() == UInt8(ascii: "s"), reader.byte() == 0 else { return nil }
        return reader.text()
    }

    /// Names from an array of (name, description, load, active, sub, following, path, job, job's kind, job's path), sorted.
    private func units(_ member: String, _ arguments: [BusMessage.Argument], _ limit: Int) -> [String]? {
        guard let reply = call(member, arguments) else { return nil }
        return SystemdBus.names(reply).map { Array($0.sorted().prefix(limit)) }
    }

    static func names(_ body: [UInt8]) -> [String]? {
        var reader = BusReader(body)
        guard let length = reader.uint32() else { return nil }
        reader.align(8)
        let end = reader.position + Int(length)
        var names: [String] = []
        while reader.position < end {
            reader.align(8)
            guard let name = reader.text() else { return nil }
            for _ in 0..<6 { guard reader.text() != nil else { return nil } }
            guard reader.uint32() != nil, reader.text() != nil, reader.text() != nil else { return nil }
            names.append(name)
        }
        return names
    }

    // MARK: Messages

    struct Message {
        let kind: UInt8
        let answers: UInt32?
        let body: [UInt8]
    }

    /// - Returns: the answer's body; nil for an error or none in time.
    private func call(
        _ member: String, _ arguments: [BusMessage.Argument] = [], interface: String = SystemdBus.manager
    ) -> [UInt8]? {
        serial += 1
        let limit = Deadline.after(milliseconds: SystemdBus.deadline)
        let bytes = BusMessage.call(serial: serial, interface: interface, member: member, arguments)
        do throws(SystemError) { try connection.sendAll(bytes, deadline: limit) } catch { return nil }
        while true {
            while let message = takeMessage() {
                if message.kind == BusMessage.signalKind { hasNews = true }
                guard message.answers == serial else { continue }
                return message.kind == BusMessage.replyKind ? message.body : nil
            }
            guard fill(limit) else { return nil }
        }
    }

    private func takeMessage() -> Message? {
        guard let (message, length) = SystemdBus.parse(buffer) else { return nil }
        buffer.removeFirst(length)
        return message
    }

    /// - Returns: the first message and its length; nil when there is no whole one.
    static func parse(_ buffer: [UInt8]) -> (Message, Int)? {
        guard buffer.count >= 16, buffer[0] == UInt8(ascii: "l") else { return nil }
        var reader = BusReader(buffer, from: 4)
        guard let bodyLength = reader.uint32(), reader.uint32() != nil, let fieldsLength = reader.uint32(),
            Int(bodyLength) + Int(fieldsLength) < messageLimit
        else { return nil }
        let start = 16 + (Int(fieldsLength) + 7) / 8 * 8
        guard buffer.count >= start + Int(bodyLength) else { return nil }
        var answers: UInt32?
        while reader.position < 16 + Int(fieldsLength) {
            reader.align(8)
            guard let code = reader.byte(), reader.byte() == 1, let type = reader.byte(), reader.byte() == 0 else {
                break
            }
            switch type {
            case UInt8(ascii: "s"), UInt8(ascii: "o"): if reader.text() == nil { reader.position = .max / 2 }
            case UInt8(ascii: "g"): reader.position += Int(reader.byte() ?? 0) + 1
            case UInt8(ascii: "u"):
                let value = reader.uint32()
                if code == 5 { answers = value }
            default: reader.position = .max / 2
            }
        }
        let body = Array(buffer[start..<(start + Int(bodyLength))])
        return (Message(kind: buffer[1], answers: answers, body: body), start + Int(bodyLength))
    }

    /// Reads once. - Returns: false when systemd has gone, says nothing in time, or too much.
    private func fill(_ limit: Deadline) -> Bool {
        do throws(SystemError) {
            try connection.waitUntilReady(POLLIN, deadline: limit)
            var chunk = [UInt8](repeating: 0, count: 16 * 1024)
            let count = recv(connection.rawValue, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 { buffer += chunk[..<count] }
            return (count > 0 || (count < 0 && errno == EAGAIN)) && buffer.count <= SystemdBus.messageLimit * 2
        } catch { return false }
    }
}
