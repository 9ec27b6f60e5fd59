import Foundation
import Glibc
import Testing

@testable import LinuxSystem

@Suite("Descriptors, sockets and deadlines")
struct DescriptorTests {
    @Test func aWriteLargerThanTheSocketHoldsArrivesWhole() throws {
        let pair = try UnixSocket.pair()
        let reader = try pair.second.duplicate()
        let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let received = Received()
        let done = try EventDescriptor()
        let raw = reader.release()
        try Thread.start(name: "reader") {
            received.bytes = (try? FileDescriptor(owning: raw).readAll(limit: 8 << 20)) ?? []
            done.signal()
        }
        try pair.first.setNonBlocking(true)
        try pair.first.writeAll(bytes, deadline: .after(milliseconds: 20_000))
        shutdown(pair.first.rawValue, Int32(SHUT_WR))
        try wait(done)
        #expect(received.bytes == bytes)
    }

    @Test func aWriteNobodyReadsEndsAtItsDeadline() throws {
        let pair = try UnixSocket.pair()
        #expect(throws: SystemError("wait", code: ETIMEDOUT)) {
            try pair.first.writeAll([UInt8](repeating: 0, count: 8 << 20), deadline: .after(milliseconds: 50))
        }
        #expect(pair.second.rawValue >= 0)
    }

    @Test func aPipeNobodyReadsEndsAtItsDeadlineToo() throws {
        let pipe = try FileDescriptor.pipe()
        #expect(throws: SystemError("wait", code: ETIMEDOUT)) {
            try pipe.second.writeAll([UInt8](repeating: 0, count: 8 << 20), deadline: .after(milliseconds: 50))
        }
    }

    @Test func aReaderThatIsGoneIsAnErrorNotASignal() throws {
        Signals.ignoreBrokenPipe()
        let pipe = try FileDescriptor.pipe()
        let write = try pipe.second.duplicate()
        drop(pipe)
        #expect(throws: SystemError("write", code: EPIPE)) { try write.writeAll([1]) }
    }
    private func drop(_ pipe: consuming DescriptorPair) {}

    @Test func readingMoreThanTheLimitIsRefused() throws {
        #expect(throws: SystemError("read", code: EFBIG)) {
            try FileDescriptor.open("/dev/zero", O_RDONLY).readAll(limit: 1000, deadline: .after(milliseconds: 5_000))
        }
    }

    @Test(arguments: [20, 107, 108, 109, 180, 400])
    func socketsWorkAtPathsOfAnyLength(_ length: Int) throws {
        let folder = NSTemporaryDirectory() + "ks-\(UUID().uuidString.prefix(8))"
        var path = folder
        while path.utf8.count + 2 < length {
            path += "/" + String(repeating: "d", count: min(60, max(1, length - path.utf8.count - 4)))
        }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        path += "/s"
        let listener = try UnixSocket.listen(at: path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let client = try UnixSocket.connect(to: path, deadline: .after(milliseconds: 1_000))
        let server = try #require(try UnixSocket.accept(listener.rawValue).map { $0.release() })
        defer { close(server) }
        try client.writeAll([42])
        var byte: UInt8 = 0
        #expect(read(server, &byte, 1) == 1 && byte == 42)
        let peer = try UnixSocket.peerCredentials(server)
        #expect(peer.processID == getpid() && peer.userID == geteuid())
    }

    @Test func nobodyListeningIsToldApartFromNoSocket() throws {
        let path = NSTemporaryDirectory() + "ks-\(UUID().uuidString)"
        #expect(throws: SystemError("connect to \(path)", code: ENOENT)) { try UnixSocket.connect(to: path) }
        do { _ = try UnixSocket.listen(at: path) }
        defer { unlink(path) }
        #expect(throws: SystemError("connect to \(path)", code: ECONNREFUSED)) { try UnixSocket.connect(to: path) }
        #expect(throws: SystemError("listen at \(path)", code: EADDRINUSE)) { try UnixSocket.listen(at: path) }
    }

    @Test func aFullListenerTimesOut() throws {
        let path = NSTemporaryDirectory() + "ks-\(UUID().uuidString)"
        let listener = try UnixSocket.listen(at: path, backlog: 0)
        defer { unlink(path) }
        let first = try UnixSocket.connect(to: path)
        #expect(throws: SystemError("connect to \(path)", code: ETIMEDOUT)) {
            for _ in 0..<4 { _ = try UnixSocket.connect(to: path, deadline: .after(milliseconds: 30)).release() }
        }
        #expect(first.rawValue != listener.rawValue)
    }

    @Test func deadlinesRoundUpAndNeverOverflow() {
        #expect(Deadline.never.pollTimeout == -1)
        #expect(Deadline.after(milliseconds: -5).hasPassed)
        #expect(Deadline.after(nanoseconds: .max) == .never)
        #expect(Deadline.after(nanoseconds: 1_500_000).pollTimeout <= 2)
        #expect(Deadline.after(milliseconds: .max / 2_000_000).pollTimeout == .max)
    }

    @Test func theOwnerClosesExactlyOnce() throws {
        let raw: Int32
        do {
            let file = try FileDescriptor.open("/dev/null", O_RDONLY)
            raw = file.rawValue
            #expect(fcntl(raw, F_GETFD, 0) & FD_CLOEXEC != 0)
        }
        let released = try FileDescriptor.open("/dev/null", O_RDONLY).release()
        #expect(fcntl(released, F_GETFD, 0) >= 0)
        close(released)
        #expect(raw >= 0)
    }

    private func wait(_ event: EventDescriptor) throws {
        var entry = pollfd(fd: event.rawValue, events: Int16(POLLIN), revents: 0)
        try #require(poll(&entry, 1, 20_000) == 1)
    }

    private final class Received: @unchecked Sendable { var bytes: [UInt8] = [] }
}

extension Optional where Wrapped: ~Copyable {
    fileprivate consuming func map<Value>(_ transform: (consuming Wrapped) -> Value) -> Value? {
        switch consume self {
        case .some(let wrapped): transform(wrapped)
        case .none: nil
        }
    }
}
