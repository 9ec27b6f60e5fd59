import Glibc
import LinuxSystem
import Testing

/// A host program at the device's UNIX sockets. Everything waits for events, ten seconds at most.
final class HostProgram: Sendable {
    let socket: FileDescriptor
    static var limit: Deadline { .after(milliseconds: 10_000) }

    init(owning socket: consuming FileDescriptor) { self.socket = socket }

    convenience init(path: String) throws {
        self.init(owning: try UnixSocket.connect(to: path, deadline: HostProgram.limit))
    }

    func write(_ bytes: [UInt8]) throws { try socket.writeAll(bytes, deadline: HostProgram.limit) }
    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Exactly `count` bytes, or what came before the end of file.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            try socket.waitUntilReady(POLLIN, deadline: HostProgram.limit)
            let moved = bytes.withUnsafeMutableBytes { recv(socket.rawValue, $0.baseAddress! + done, count - done, 0) }
            if moved <= 0 { break }
            done += moved
        }
        return Array(bytes[..<done])
    }

    /// A line without its newline; what came of it at the end of file.
    func readLine() throws -> String {
        var line: [UInt8] = []
        while true {
            let byte = try read(1)
            if byte.isEmpty || byte == [10] { return String(decoding: line, as: UTF8.self) }
            line += byte
        }
    }

    func isAtEnd() throws -> Bool { try read(1).isEmpty }
    func shutdownWriting() { shutdown(socket.rawValue, Int32(SHUT_WR)) }
}
