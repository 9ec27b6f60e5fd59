import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// What the guest reads at boot: all of it comes from outside.
@Suite struct BootTests {
    private let digits = String(repeating: "0f", count: 32)

    @Test func credentialIsReadAndLaterLinesAreSkipped() throws {
        let text = "keystone-boot 1\nhost \(digits)\nfuture thing\nguest \(digits)\nuser dev:users\n"
        let credential = try #require(BootCredential(text: Array(text.utf8)))
        #expect(credential.host.revealHexadecimal() == digits)
        #expect(credential.defaultUser == "dev:users")
    }

    @Test func brokenCredentialsAreRefused() {
        for text in [
            "", "keystone-boot 2\nhost \(digits)\nguest \(digits)\n", "keystone-boot 1\nhost \(digits)\n",
            "keystone-boot 1\nhost \(digits)\nguest \(digits.dropLast())\n", "host \(digits)\nguest \(digits)\n",
            "keystone-boot 1\nhost \(digits)zz\nguest \(digits)\n",
        ] { #expect(BootCredential(text: Array(text.utf8)) == nil) }
    }

    @Test func moduleListIsDividedByItsMark() {
        let list = ModuleList(
            text: Array("# first\n/a.ko\n/b.ko opt=1 x=2\n\n--late\n/c.ko\n--late\n/d.ko\n/e.ko\n".utf8)
        )
        #expect(list.early.map(\.path) == ["/a.ko", "/b.ko"])
        #expect(list.early.map(\.arguments) == ["", "opt=1 x=2"])
        #expect(list.late.map { $0.map(\.path) } == [["/c.ko"], ["/d.ko", "/e.ko"]])
    }

    @Test func lastKernelParameterCounts() {
        let parameters = KernelParameters(text: Array("quiet keystone.ipv4=a x keystone.ipv4=b keystone.dhcp\n".utf8))
        #expect(parameters.value("keystone.ipv4") == "b")
        #expect(parameters.has("keystone.dhcp"))
        #expect(!parameters.has("keystone"))
    }

    @Test func networkSettingsAreReadOrRefused() throws {
        let full = try #require(NetworkSetup.Static("10.0.2.15/24,10.0.2.2,10.0.2.3"))
        #expect(full.address == UInt32(0x0A00_020F).bigEndian)
        #expect(full.netmask == UInt32(0xFFFF_FF00).bigEndian)
        #expect(full.gateway == UInt32(0x0A00_0202).bigEndian)
        #expect(full.nameServer == "10.0.2.3")
        #expect(NetworkSetup.Static("10.0.0.1/0")?.netmask == 0)
        #expect(NetworkSetup.Static("10.0.0.1/32")?.netmask == .max)
        for text in ["", "10.0.2.15", "10.0.2.15/33", "10.0.2.15/24,x", "10.0.2.15/24,,y", "a/24", "1.2.3.4/24,,,"] {
            #expect(NetworkSetup.Static(text) == nil)
        }
    }

    @Test func accountsAreFoundByNameAndNumberAndChangesAreSeen() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let (passwd, group) = (folder + "/passwd", folder + "/group")
        try SmallFile.write(passwd, "dev:x:1000:100::/home/dev:/bin/bash\nbroken\n", flags: O_WRONLY | O_CREAT)
        try SmallFile.write(group, "users:x:100:\nwheel:x:10:dev,other\n", flags: O_WRONLY | O_CREAT)
        let users = UserDatabase(passwd: passwd, group: group)
        let dev = try users.user("dev")
        #expect(dev.identity == .init(userID: 1000, groupID: 100, groups: [100, 10]))
        #expect(dev.home == "/home/dev")
        #expect(try users.user("1000") == dev)
        #expect(try users.user("dev:wheel").identity == .init(userID: 1000, groupID: 10, groups: [10]))
        #expect(try users.user("4711").identity == .init(userID: 4711, groupID: 4711, groups: [4711]))
        #expect(try users.user("root").userID == 0)
        for name in ["", "new", "-1", "4294967295", ":100", "dev:"] {
            #expect(throws: Refusal.self) { try users.user(name) }
        }
        // As useradd(8) does it: a new file takes the old one's place.
        try SmallFile.write(passwd + "+", "new:x:2000:100::/home/new:\n", flags: O_WRONLY | O_CREAT)
        rename(passwd + "+", passwd)
        #expect(try users.user("new").userID == 2000)
        #expect(throws: Refusal.self) { try users.user("dev") }
    }

    @Test func replayRingKeepsTheLastBytes() {
        let ring = OutputRing()
        var expected: [UInt8] = []
        var number: UInt8 = 0
        for size in [10, OutputRing.capacity - 5, 3, 70_000, 2 * OutputRing.capacity + 7, 1] {
            let piece = (0..<size).map { _ -> UInt8 in
                number &+= 31
                return number
            }
            expected += piece
            piece.withUnsafeBytes { ring.append(.standardOutput, $0) }
            #expect(ring.contents(.standardOutput).bytes == Array(expected.suffix(OutputRing.capacity)))
        }
        #expect(ring.contents(.standardOutput).total == UInt64(expected.count))
        #expect(ring.contents(.standardError).bytes.isEmpty)
    }

    @Test func systemdIsToldByDatagram() throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        for name in [folder + "/notify", "@keystone-test-\(getpid())"] {
            let receiver = try DatagramReceiver(name)
            SystemdNotifier(path: name).send("READY=1")
            #expect(receiver.next() == "READY=1")
        }
    }
}

/// systemd's end of NOTIFY_SOCKET.
private struct DatagramReceiver: ~Copyable {
    private let descriptor: FileDescriptor

    init(_ name: String) throws {
        descriptor = FileDescriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: name.utf8)
            if name.hasPrefix("@") { target[0] = 0 }
        }
        let length = socklen_t(2 + name.utf8.count)
        let raw = descriptor.rawValue
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, length) }
        }
        try #require(bound == 0)
    }

    func next() -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
}

/// The workspace's mount.
@Suite struct WorkspaceMountTests {
    @Test(arguments: [
        ("6.1.0-56-amd64\n", "mmap"), ("5.10.0", "mmap"), ("6.3.9", "mmap"), ("6.4.0", "none"), ("6.12.5-rc1", "none"),
        ("7.0", "none"), ("", "none"), ("x", "none"),
    ])
    func nothingIsKeptThatTheHostMayChange(release: String, cache: String) {
        #expect(WorkspaceMount.cache(kernel: release) == cache)
    }
}
