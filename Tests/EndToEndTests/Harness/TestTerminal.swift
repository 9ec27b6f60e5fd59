import Glibc
import LinuxSystem

/// A terminal with a person at it: what they type and what they see. One thread uses it.
final class TestTerminal {
    private let primary: OwnedDescriptor
    private let secondary: OwnedDescriptor
    private(set) var screen: [UInt8] = []
    var text: String { String(decoding: screen, as: UTF8.self) }

    init(rows: UInt16 = 24, columns: UInt16 = 80) throws {
        let terminal = try PseudoTerminal(rows: rows, columns: columns, owner: getuid(), group: getgid())
        primary = OwnedDescriptor(terminal.primary)
        // Kept open, so that the terminal outlives the program and its modes can be looked at.
        secondary = OwnedDescriptor(terminal.secondary)
    }

    /// The program gets the terminal as its streams and as its controlling terminal.
    func start(_ original: SpawnRequest) throws -> ProcessHandle {
        var request = original
        request.descriptors = [secondary.raw, secondary.raw, secondary.raw]
        request.session = .session(controllingTerminal: true)
        return try ChildProcess.spawn(request)
    }

    func type(_ text: String) throws {
        try primary.value.writeAll(Array(text.utf8), deadline: .after(milliseconds: 10_000))
    }

    func resize(rows: UInt16, columns: UInt16) throws {
        try Terminal.setSize(primary.raw, rows: rows, columns: columns)
    }

    /// Waits until the screen has shown `text` since the last `forget`.
    func wait(for text: String, within seconds: Double = 30) throws {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        while !self.text.contains(text) {
            do throws(SystemError) {
                try primary.value.waitUntilReady(Int32(POLLIN), deadline: deadline)
            } catch {
                throw Complaint(
                    "The terminal never showed \(text.debugDescription); it shows \(self.text.debugDescription)")
            }
            _ = Running.drain(primary.raw, into: &screen)
        }
    }

    func forget() { screen = [] }

    /// Waits for the end of a program, reading what it shows meanwhile.
    func finish(_ process: ProcessHandle, within seconds: Double = 30) throws -> Int32 {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        while !process.hasEnded {
            var entries = [
                pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: primary.raw, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&entries, 2, deadline.pollTimeout) == 0 {
                try? process.send(SIGKILL)
                _ = try? process.reap()
                throw Complaint("The program on the terminal did not end; it shows \(text.debugDescription)")
            }
            _ = Running.drain(primary.raw, into: &screen)
        }
        _ = Running.drain(primary.raw, into: &screen)
        return try process.reap().status.shellCode
    }

    /// Its modes, for comparing.
    func modes() throws -> [UInt32] {
        var settings = termios()
        guard tcgetattr(secondary.raw, &settings) == 0 else { throw SystemError("read terminal modes") }
        return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    }
}
