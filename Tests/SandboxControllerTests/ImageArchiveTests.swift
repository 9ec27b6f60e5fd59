import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite struct ImageArchiveTests {
    private struct Entry: Equatable {
        var name: String
        var mode, owner, time, device: Int
        var body: [UInt8]
    }

    /// An independent reader of the `newc` form.
    private func parse(_ bytes: [UInt8]) throws -> [Entry] {
        var entries: [Entry] = []
        var offset = 0
        while true {
            func field(_ index: Int) throws -> Int {
                let start = offset + 6 + index * 8
                return try #require(Int(String(decoding: bytes[start..<start + 8], as: UTF8.self), radix: 16))
            }
            try #require(bytes[offset..<offset + 6].elementsEqual("070701".utf8))
            let (nameLength, size) = (try field(11), try field(6))
            let name = String(decoding: bytes[(offset + 110)..<(offset + 109 + nameLength)], as: UTF8.self)
            let start = (offset + 110 + nameLength + 3) & ~3
            if name == "TRAILER!!!" { return entries }
            entries.append(
                Entry(
                    name: name, mode: try field(1), owner: try field(2), time: try field(5),
                    device: try field(9) << 8 | field(10), body: Array(bytes[start..<start + size])))
            offset = (start + size + 3) & ~3
        }
    }

    private func archive(_ fixture: ImageFixture, _ fill: (inout CpioArchive) throws -> Void) throws -> [UInt8] {
        let path = fixture.root + "/archive"
        unlink(path)
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT)
        var archive = CpioArchive(writingTo: file)
        try fill(&archive)
        let (digest, size) = try archive.finish()
        let bytes = try fixture.read("archive")
        #expect(size == bytes.count && digest == SHA256.hexadecimal(bytes))
        return bytes
    }

    @Test func everyKindOfEntryIsReadBackAsItWas() throws {
        let fixture = try ImageFixture()
        try fixture.write("source", Array("five!".utf8))
        let bytes = try archive(fixture) { archive in
            try archive.add("etc", permissions: 0o755, .directory)
            try archive.add("etc/a", permissions: 0o600, .bytes(Array("x".utf8)))
            try archive.add("etc/größe", permissions: 0o644, time: 77, .file(path: fixture.root + "/source", size: 5))
            try archive.add("etc/link", permissions: 0o777, .symbolicLink("a"))
            try archive.add("home", permissions: 0o750, owner: 1000, .directory)
            try archive.add("null", permissions: 0o666, .characterDevice(major: 1, minor: 3))
        }
        #expect(bytes.count % 4 == 0)
        #expect(
            try parse(bytes) == [
                Entry(name: "etc", mode: 0o040755, owner: 0, time: 0, device: 0, body: []),
                Entry(name: "etc/a", mode: 0o100600, owner: 0, time: 0, device: 0, body: Array("x".utf8)),
                Entry(name: "etc/größe", mode: 0o100644, owner: 0, time: 77, device: 0, body: Array("five!".utf8)),
                Entry(name: "etc/link", mode: 0o120777, owner: 0, time: 0, device: 0, body: Array("a".utf8)),
                Entry(name: "home", mode: 0o040750, owner: 1000, time: 0, device: 0, body: []),
                Entry(name: "null", mode: 0o020666, owner: 0, time: 0, device: 0x103, body: []),
            ])
    }

    @Test func theHostsCpioReadsIt() throws {
        guard let cpio = ProgramPath.locate("cpio") else { return }
        let fixture = try ImageFixture()
        _ = try archive(fixture) { archive in
            try archive.add("a", permissions: 0o755, .directory)
            try archive.add("a/b", permissions: 0o644, .bytes([UInt8](repeating: 7, count: 5_000_000)))
            try archive.add("c", permissions: 0o777, .symbolicLink("a/b"))
        }
        var runner = ProgramRunner(path: cpio, arguments: ["-t", "-F", fixture.root + "/archive"])
        runner.output = .capture(limit: 1000)
        #expect(try runner.run(deadline: .after(milliseconds: 20_000)).text == "a\na/b\nc\n")
    }

    @Test func aFileThatShrankMeanwhileIsAnErrorAndNoBrokenArchive() throws {
        let fixture = try ImageFixture()
        try fixture.write("source", [1, 2, 3])
        #expect(throws: SystemError.self) {
            _ = try self.archive(fixture) { archive in
                try archive.add("x", permissions: 0o644, .file(path: fixture.root + "/source", size: 4))
            }
        }
    }

    @Test func aTreeHasFoldersBeforeTheirContentAndOneUsr() throws {
        let fixture = try ImageFixture()
        var tree = InitramfsTree()
        tree.add("/bin/sh", .link(target: "busybox"))
        tree.add("/deep/er/file", text: "x")
        tree.add("/deep", .link(target: "elsewhere"))
        let entries = try parse(try archive(fixture) { archive in try tree.write(to: &archive) })
        let names = entries.map(\.name)
        #expect(names.first == "." && entries.first?.mode == 0o040755)
        #expect(names.contains("usr/bin/sh") && !names.contains("bin/sh"))
        #expect(entries.contains { $0.name == "bin" && $0.body == Array("usr/bin".utf8) })
        #expect(entries.contains { $0.name == "deep" && $0.mode & 0o170000 == 0o040000 })
        for name in names where name.contains("/") {
            let parent = (name as NSString).deletingLastPathComponent
            let (above, below) = (try #require(names.firstIndex(of: parent)), try #require(names.firstIndex(of: name)))
            #expect(above < below)
        }
    }
}
