import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageLibraryTests {
    /// The host's own loader is the judge.
    @Test(arguments: ["bash", "git", "xz", "tmux", "python3.11"]) func librariesAreThoseOfTheHostsLoader(_ name: String)
        throws
    {
        guard let program = ProgramPath.locate(name), let ldd = ProgramPath.locate("ldd") else { return }
        let mapped = try MappedFile(path: program)
        guard ElfFile(mapped)?.interpreter != nil else { return }
        let outcome = try ProgramRunner(path: ldd, arguments: [program]).run(deadline: .after(milliseconds: 10_000))
        let expected = Set(
            outcome.text.split(separator: "\n").compactMap { line -> String? in
                line.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("/") }.map { real(String($0)) }
            })
        var resolver = LibraryResolver()
        let (found, missing) = resolver.dependencies(of: program)
        #expect(Set(found.map(real)) == expected && missing.isEmpty)
    }

    private func real(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    @Test func aStaticProgramNeedsNothing() throws {
        let busybox = try #require(ProgramPath.locate("busybox"))
        #expect(MinimalImageInputs.isStatic(busybox))
        var resolver = LibraryResolver()
        #expect(resolver.dependencies(of: busybox).found.isEmpty)
        #expect(!MinimalImageInputs.isStatic("/proc/self/exe") && !MinimalImageInputs.isStatic("/etc/passwd"))
    }

    @Test func withoutALoaderCacheTheDefaultFoldersDo() throws {
        let program = try #require(ProgramPath.locate("bash"))
        var resolver = LibraryResolver(cacheFile: "/nonexistent")
        #expect(resolver.dependencies(of: program).missing.isEmpty)
        try Data("glibc-ld.so.cache1.1 cut off".utf8).write(to: URL(fileURLWithPath: "/tmp/keystone-cache-\(getpid())"))
        defer { unlink("/tmp/keystone-cache-\(getpid())") }
        var spoilt = LibraryResolver(cacheFile: "/tmp/keystone-cache-\(getpid())")
        #expect(spoilt.dependencies(of: program).missing.isEmpty)
    }

    /// Every cut and many changed bytes of a real program yield less, never a trap.
    @Test func aBrokenElfFileNeverTraps() throws {
        let fixture = try ImageFixture()
        let whole = FakeElf.bytes(sections: [".modinfo": Array("depends=a\u{0}".utf8), ".text": [1, 2, 3]])
        let real = Array(
            try Data(contentsOf: URL(fileURLWithPath: try #require(ProgramPath.locate("true")))).prefix(4096))
        for base in [whole, real] {
            for step in stride(from: 0, to: min(base.count, 700), by: 3) {
                for value: UInt8 in [0xFF, 0x80] {
                    var bytes = base
                    bytes[step] = value
                    try fixture.write("elf", bytes)
                    let file = try MappedFile(path: fixture.root + "/elf")
                    _ = ElfFile(file)?.section(".modinfo")
                }
                try fixture.write("elf", Array(base.prefix(step)))
                let cut = try MappedFile(path: fixture.root + "/elf")
                _ = ElfFile(cut)?.section(".modinfo")
            }
        }
        try fixture.write("elf", whole)
        let file = try MappedFile(path: fixture.root + "/elf")
        let section = try #require(ElfFile(file)?.section(".modinfo"))
        #expect(KernelModules.fields(section) == ["depends": ["a"]])
    }
}

@Suite struct ImageHostProgramTests {
    /// The guest mounts a `/tmp` of its own: what the image has there can't be seen.
    @Test func aProgramBelowAFolderThatTheGuestMountsOverIsPutWhereItIsFound() throws {
        let fixture = try ImageFixture()
        try fixture.write("tools/my-tool", Array("#!/bin/sh\n".utf8), mode: 0o755)
        let path = fixture.root + "/tools/my-tool"
        try #require(path.hasPrefix("/tmp/"))
        var programs = HostPrograms(addingTo: InitramfsTree())
        try programs.include([path], deadline: .after(milliseconds: 20_000))
        #expect(!programs.tree.contains(path))
        guard case .file(let file) = programs.tree.nodes["/usr/local/bin/my-tool"] else {
            Issue.record("it is not there as a file")
            return
        }
        #expect(file.path == path && file.permissions == 0o755)
    }
}
