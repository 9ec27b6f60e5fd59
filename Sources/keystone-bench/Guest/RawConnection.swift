import AgentProtocol
import Glibc
import LinuxSystem
import SandboxController
import VsockTransport

/// A bare vsock connection to a port of the guest, through the same device as everything else.
struct RawConnection: ~Copyable {
    private let descriptor: FileDescriptor

    init(_ fixture: BenchFixture, port: UInt32) throws {
        let address = VsockAddress.hybrid(path: fixture.directory.vsockSocket(BenchFixture.sandbox))
        descriptor = try VsockTransport.dial(address, port: port, deadline: .after(milliseconds: 10_000))
    }

    /// A connection with a byte there and back. The byte leaves together with the question for the port and arrives with the
    /// connection, as the first bytes of all that the product does itself.
    static func echoAhead(_ fixture: BenchFixture, port: UInt32) throws {
        let address = VsockAddress.hybrid(path: fixture.directory.vsockSocket(BenchFixture.sandbox))
        let deadline = Deadline.after(milliseconds: 10_000)
        let descriptor = try VsockTransport.dialAhead(address, port: port, deadline: deadline)
        try descriptor.writeAll(VsockTransport.opening(address, port: port) + [0x2E], deadline: deadline)
        try VsockTransport.confirm(descriptor, address, port: port, deadline: deadline)
        var byte: UInt8 = 0
        guard read(descriptor.rawValue, &byte, 1) == 1, byte == 0x2E else {
            throw BenchError("the guest's echo server closed the connection")
        }
    }

    /// One byte there and back.
    func echo(_ value: UInt8 = 0x2E) throws {
        var byte = value
        guard write(descriptor.rawValue, &byte, 1) == 1, read(descriptor.rawValue, &byte, 1) == 1 else {
            throw BenchError("the guest's echo server closed the connection")
        }
    }

    /// Takes `count` bytes off the stream.
    func receive(_ count: Int, _ buffer: UnsafeMutableRawBufferPointer) throws {
        var left = count
        while left > 0 {
            guard case .moved(let moved) = try descriptor.read(into: buffer) else {
                throw BenchError("the guest's stream ended \(left) bytes early")
            }
            left -= moved
        }
    }

    /// Sends `count` bytes, ends the stream and waits until the guest has read them all and closed its side.
    func send(_ count: Int, _ buffer: UnsafeRawBufferPointer) throws {
        var left = count
        while left > 0 {
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
            try descriptor.writeAll(piece)
            left -= piece.count
        }
        shutdown(descriptor.rawValue, Int32(SHUT_WR))
        var byte: UInt8 = 0
        while read(descriptor.rawValue, &byte, 1) > 0 {}
    }
}
