import Glibc
import LinuxSystem

/// Bytes over one connection, as plainly as they can be moved: the ceiling for what the agent may reach.
enum Stream {
    private static let chunk = 128 * 1024

    static func echo(_ connection: Int32) {
        withBuffer { buffer in
            while true {
                let count = read(connection, buffer.baseAddress, buffer.count)
                guard count > 0, writeAll(connection, UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
                    return
                }
            }
        }
    }

    static func source(_ connection: Int32, bytes: Int) {
        let start = Deadline.now()
        var left = bytes
        withBuffer { buffer in
            while left > 0 {
                let piece = UnsafeRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
                guard writeAll(connection, piece) else { break }
                left -= piece.count
            }
        }
        tell(bytes - left, since: start)
    }

    /// What a command prints into a pipe, brought to the host by the least that can do it.
    static func relay(_ connection: Int32) {
        let input = FileDescriptor(owning: 0)
        input.raisePipeCapacity(to: 1024 * 1024)
        withBuffer { buffer in
            while true {
                let count = read(input.rawValue, buffer.baseAddress, buffer.count)
                guard count > 0, writeAll(connection, UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
                    return
                }
            }
        }
    }

    static func sink(_ connection: Int32) {
        let start = Deadline.now()
        var total = 0
        withBuffer { buffer in
            while true {
                let count = read(connection, buffer.baseAddress, buffer.count)
                guard count > 0 else { break }
                total += count
            }
        }
        tell(total, since: start)
    }

    private static func tell(_ bytes: Int, since start: UInt64) {
        let microseconds = (Deadline.now() - start) / 1000
        Probe.say("bytes=\(bytes) microseconds=\(microseconds)\n")
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    private static func withBuffer(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 4096)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0x5A)
        body(buffer)
    }
}

extension Stream {
    /// Each byte is an event, and then goes back: `m` mounts something, or unmounts it; `f` fills a file system, or empties
    /// it; `p` begins to listen on a TCP port, or ends it.
    static func events(_ raw: Int32, _ folder: String, _ port: UInt16) {
        var byte: UInt8 = 0
        var isMounted = false
        var isFull = false
        var listener: FileDescriptor?
        let other = folder + "-other"
        do throws(SystemError) { try Mount.mount("event", on: other, type: "tmpfs", data: "size=128m") } catch {
            return Probe.say("event-server: \(error)\n", to: 2)
        }
        defer { try? Mount.detach(other) }
        while read(raw, &byte, 1) == 1 {
            do throws(SystemError) {
                if byte == UInt8(ascii: "m") {
                    isMounted
                        ? try Mount.detach(folder)
                        : try Mount.mount("event", on: folder, type: "tmpfs")
                    isMounted.toggle()
                } else if byte == UInt8(ascii: "f") {
                    try fill(other + "/file", mebibytes: isFull ? 0 : 120)
                    isFull.toggle()
                } else if listener != nil {
                    listener = nil
                } else {
                    listener = try TcpSocket.listen(at: .loopback4, port: port)
                }
            } catch { return Probe.say("event-server: \(error)\n", to: 2) }
            guard write(raw, &byte, 1) == 1 else { return }
        }
    }

    private static func fill(_ path: String, mebibytes: Int) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        let bytes = [UInt8](repeating: 0x5A, count: 1 << 20)
        for _ in 0..<mebibytes where write(file.rawValue, bytes, bytes.count) != bytes.count {
            throw SystemError("fill \(path)")
        }
    }
}
