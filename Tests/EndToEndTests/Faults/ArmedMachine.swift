import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// A QEMU with one more serial line, at whose guest end root runs what is written to it: a fault can so be put into a
/// guest whose agent is not there yet, or dead. The machine is otherwise the product's own: a script in QEMU's place adds
/// the line, and a second cpio archive to the initramfs, whose `/fault/init` listens before it becomes the image's init.
///
/// Concurrency: a thread takes machines as they start and reads what they say.
final class ArmedMachine: @unchecked Sendable {
    /// For `KEYSTONE_QEMU`.
    let program: String
    private let folder: String
    private let listener: FileDescriptor
    private let changed = NSCondition()
    // Under `changed`.
    private var line: OwnedDescriptor?
    private var said = ""
    private var machines = 0
    private var holdsBoot = false

    init(_ name: String, image: Image) throws {
        folder = try Room.shared().makeFolder("armed-" + name)
        program = folder + "/qemu"
        listener = try UnixSocket.listen(at: folder + "/line")
        try writeInitramfs(image)
        try write("qemu", script, mode: 0o755)
        try LinuxSystem.Thread.start(name: "armed") { self.takeMachines() }
    }

    private var script: String {
        """
        #!/bin/sh
        qemu=/usr/bin/qemu-system-x86_64
        [ "$1" = --version ] && exec $qemu "$@"
        before=
        for word; do
            shift
            case $before in
            -append) set -- "$@" "$word rdinit=/fault/init" ;;
            -initrd) set -- "$@" "\(folder)/initramfs" ;;
            *) set -- "$@" "$word" ;;
            esac
            before=$word
        done
        exec $qemu "$@" -chardev "socket,id=fault,path=\(folder)/line" -device isa-serial,chardev=fault

        """
    }

    private static let initialization = """
        #!/bin/sh
        mkdir -p /fault/proc && mount -t proc fault /fault/proc && mknod /fault/line c 4 65
        exec 3<>/fault/line
        echo ar"med" >&3
        while read -r command <&3; do [ "$command" = go ] && break; eval "$command" >&3 2>&1; done
        while read -r command <&3; do eval "$command" >&3 2>&1; done &
        exec 3>&-
        exec /init "$@"

        """

    private func writeInitramfs(_ image: Image) throws {
        try PrivateFiles.copy(image.initrdPath, to: folder + "/initramfs")
        let file = try FileDescriptor.open(folder + "/initramfs", O_WRONLY | O_APPEND)
        var archive = CpioArchive(writingTo: file)
        try archive.add("fault", permissions: 0o755, .directory)
        try archive.add("fault/init", permissions: 0o755, .bytes(Array(Self.initialization.utf8)))
        _ = try archive.finish()
    }

    private func write(_ name: String, _ text: String, mode: mode_t) throws {
        let file = try FileDescriptor.open(folder + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try file.writeAll(Array(text.utf8))
    }

    // MARK: What tests do

    /// The next machine stops before its agent begins, until `goOn`.
    func holdNextBoot() {
        // The one before has nothing to say any more.
        changed.withLock { (holdsBoot, line, said) = (true, nil, "") }
    }

    func waitUntilHeld() throws { try wait("the guest's kernel to boot", 60) { said.contains("armed") && holdsBoot } }

    func goOn() {
        changed.withLock { holdsBoot = false }
        send("go")
    }

    /// Whether the newest machine's helper listens.
    var isArmed: Bool { changed.withLock { said.contains("armed") } }

    /// Nothing is held any more; of no effect where nothing was.
    func letGo() { if changed.withLock({ holdsBoot }) { goOn() } }

    /// Runs a line as the guest's root and waits for its end.
    /// - Parameter awaits: false for one that does not return.
    func run(_ script: String, awaits: Bool) throws {
        let mark = "end-\(UInt32.random(in: 0 ... .max))"
        // The line's echo must not look like its end.
        send(script + "; echo \"\"\(mark.prefix(3))\"\"\(mark.dropFirst(3))")
        if awaits { try wait("the end of \(script)", 30) { said.contains(mark) } }
    }

    private func send(_ text: String) {
        guard let line = changed.withLock({ line }) else { return }
        try? line.value.writeAll(Array((text + "\n").utf8), deadline: .after(milliseconds: 10_000))
    }

    private func wait(_ what: String, _ seconds: Double, _ condition: () -> Bool) throws {
        let limit = Date(timeIntervalSinceNow: seconds)
        changed.lock()
        defer { changed.unlock() }
        while !condition() {
            guard changed.wait(until: limit) else {
                throw Complaint("Waiting for \(what) took too long; the guest's helper says \(said.suffix(500))")
            }
        }
    }

    // MARK: The line

    private func takeMachines() {
        while let socket = try? UnixSocket.accept(listener.rawValue) {
            let line = OwnedDescriptor(socket)
            changed.withLock {
                self.line = line
                said = ""
                changed.broadcast()
            }
            try? LinuxSystem.Thread.start(name: "armed-line") { self.listen(line) }
        }
    }

    private func listen(_ line: OwnedDescriptor) {
        var chunk = [UInt8](repeating: 0, count: 4096)
        var isReleased = false
        while true {
            let count = read(line.raw, &chunk, chunk.count)
            guard count > 0 else { return }
            let goesOn = changed.withLock { () -> Bool in
                guard self.line === line else { return false }
                said += String(decoding: chunk[..<count], as: UTF8.self)
                changed.broadcast()
                return !isReleased && !holdsBoot && said.contains("armed")
            }
            if goesOn {
                isReleased = true
                send("go")
            }
        }
    }
}
