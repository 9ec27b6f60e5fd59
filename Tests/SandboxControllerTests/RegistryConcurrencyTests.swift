import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct RegistryConcurrencyTests {
    @Test func manyWritersAtOnceLoseNoChange() throws {
        let fixture = RegistryFixture()
        let (writers, rounds) = (8, 5)
        DispatchQueue.concurrentPerform(iterations: writers) { writer in
            for round in 0..<rounds {
                do throws(ControllerError) {
                    try fixture.registry.update { $0.append(registryRecord("w\(writer)-\(round)")) }
                    _ = try fixture.registry.read()
                } catch {
                    Issue.record(error)
                }
            }
        }
        #expect(try fixture.registry.read().count == writers * rounds)
        #expect(fixture.notices.isEmpty && fixture.asides().isEmpty)
    }

    @Test func aBusyRegistryNamesItsHolderAndLosesNothing() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        let held = try FileLock(path: fixture.directory.registryLock, deadline: .never)
        let impatient = Registry(directory: fixture.directory, lockMilliseconds: 20)
        let error = #expect(throws: ControllerError.self) { try impatient.update { $0 = [] } }
        #expect(
            error?.code == .busy && error?.message.contains("process \(getpid()) (") == true, "\(error?.message ?? "")")
        #expect(try impatient.read().map(\.name) == ["a"])
        withExtendedLifetime(held) {}
    }

    /// As a monitor's that removes its sandbox.
    @Test func aLockIsWaitedForAlsoWhenItsFileIsGone() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [] }
        let path = fixture.directory.registryLock
        var held: FileLock? = try FileLock(path: path, deadline: .never)
        let (early, late) = (try #require(FileLock(existingAt: path)), try #require(FileLock(existingAt: path)))
        unlink(path)
        #expect(FileLock(existingAt: path) == nil)
        #expect(!early.isFree(within: .after(milliseconds: 20)))
        withExtendedLifetime(held) {}
        held = nil
        #expect(late.isFree(within: .after(milliseconds: 5_000)))
    }

    /// Another process holds the lock and is killed: the kernel gives it back.
    @Test func aKilledHolderLetsGo() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [] }
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        holder.arguments = [fixture.directory.registryLock, "sh", "-c", "echo held; exec sleep 1000"]
        let pipe = Pipe()
        holder.standardOutput = pipe
        try holder.run()
        #expect(String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self) == "held\n")
        #expect(FileLock.isHeld(fixture.directory.registryLock))
        #expect(throws: ControllerError.self) {
            try Registry(directory: fixture.directory, lockMilliseconds: 20).update { $0 = [] }
        }
        // flock(1) passes its descriptor to its command, so both hold the lock.
        let children = try String(
            contentsOfFile: "/proc/\(holder.processIdentifier)/task/\(holder.processIdentifier)/children",
            encoding: .utf8)
        for child in children.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, SIGKILL) }
        kill(holder.processIdentifier, SIGKILL)
        holder.waitUntilExit()
        try fixture.registry.update { $0 = [registryRecord("a")] }
        #expect(try fixture.registry.read().count == 1)
    }

    /// Who gives up waiting must not get the lock later and keep it.
    @Test func aWaitThatWasGivenUpDoesNotKeepTheLock() throws {
        let fixture = RegistryFixture()
        try fixture.registry.update { $0 = [] }
        var held: FileLock? = try FileLock(path: fixture.directory.registryLock, deadline: .never)
        #expect(throws: ControllerError.self) {
            try FileLock(path: fixture.directory.registryLock, deadline: .after(milliseconds: 10))
        }
        withExtendedLifetime(held) {}
        held = nil
        _ = try FileLock(path: fixture.directory.registryLock, deadline: .after(milliseconds: 5_000))
    }

    /// On a file system of its own that is then filled to the last byte.
    @Test(.enabled(if: geteuid() == 0, "mounting takes root"))
    func aFullDiskIsSaidAndLosesNothing() throws {
        let place = "/tmp/keystone-full-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(place, 0o700)
        defer { rmdir(place) }
        guard mount("none", place, "tmpfs", 0, "size=64k") == 0 else { return }  // A container may forbid it.
        defer { umount2(place, Int32(MNT_DETACH)) }
        let directory = StateDirectory(root: place + "/state")
        let registry = Registry(directory: directory)
        try registry.update { $0 = [registryRecord("a")] }
        let filler = try FileDescriptor.open(place + "/filler", O_WRONLY | O_CREAT)
        let block = [UInt8](repeating: 1, count: 4096)
        while write(filler.rawValue, block, block.count) > 0 {}
        let error = #expect(throws: ControllerError.self) { try registry.update { $0.append(registryRecord("b")) } }
        #expect(error?.code == .noSpace)
        #expect(try registry.read() == [registryRecord("a")])
        unlink(place + "/filler")
        ftruncate(filler.rawValue, 0)
        try registry.update { $0.append(registryRecord("b")) }
        #expect(try registry.read().count == 2)
    }
}
