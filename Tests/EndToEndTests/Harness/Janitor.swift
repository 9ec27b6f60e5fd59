import Foundation
import Glibc
import LinuxSystem

/// Cleans the room when this process ends, even by `kill -9`: a shell that waits for the end of a pipe whose other end
/// only this process holds. At a normal exit it is waited for, so that nothing is left when `swift test` returns.
final class Janitor: Sendable {
    private static let patienceMilliseconds = 60_000
    private let process: ProcessHandle
    private let leash: Int32

    /// The room comes in the environment, so that its own command line does not name it.
    private static let script = """
        cat >/dev/null
        find "$ROOM" -name control.sock 2>/dev/null | while IFS= read -r socket; do
            sandbox=${socket%/state/control.sock}
            "$KEYSTONE" agent --state-dir "${sandbox%/sandboxes/*}" stop --force "${sandbox##*/}" >/dev/null 2>&1 </dev/null
        done
        for process in /proc/[0-9]*; do
            number=${process#/proc/}
            [ "$number" = $$ ] && continue
            if tr '\\0' '\\n' <"$process/cmdline" 2>/dev/null | grep -qF "$ROOM"; then kill -9 "$number" 2>/dev/null; fi
        done
        cut -d' ' -f2 /proc/mounts | grep -F "$ROOM/" | while IFS= read -r place; do umount -l "$place"; done
        [ -z "$REMOVE" ] || rm -rf "$ROOM"
        """

    init(room: String, program: String, removesRoom: Bool) throws {
        let pipe = try FileDescriptor.pipe()
        let reading = pipe.first
        let writing = pipe.second
        let nothing = try FileDescriptor.open("/dev/null", O_RDWR)
        var request = SpawnRequest(
            path: "/bin/sh", arguments: ["-c", Self.script],
            environment: [
                "ROOM=\(room)", "KEYSTONE=\(program)", "REMOVE=\(removesRoom ? "1" : "")", "HOME=\(room)",
                "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            ],
            descriptors: [reading.rawValue, nothing.rawValue, nothing.rawValue])
        // A session of its own: Ctrl-C at the tests must not end it.
        request.session = .session(controllingTerminal: false)
        process = try ChildProcess.spawn(request)
        leash = (consume writing).release()
        Janitor.current.set(self)
        atexit { Janitor.current.get()?.work() }
    }

    private func work() {
        close(leash)
        _ = process.waitForEnd(deadline: .after(milliseconds: Self.patienceMilliseconds))
    }

    private static let current = Slot<Janitor>()
}

/// A value that is set once and read from anywhere.
final class Slot<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value?

    func set(_ value: Value) { lock.withLock { self.value = value } }
    func get() -> Value? { lock.withLock { value } }
}
