import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("What forwards are written as")
struct ForwardWordTests {
    @Test(
        arguments: [
            ("3000", "127.0.0.1:3000", "3000"), ("8080:3000", "127.0.0.1:8080", "3000"),
            ("0:3000", "127.0.0.1:0", "3000"), ("127.0.0.2:8080:3000", "127.0.0.2:8080", "3000"),
            ("localhost:80:3000", "127.0.0.1:80", "3000"), ("0.0.0.0:8080:65535", "0.0.0.0:8080", "65535"),
            ("[::1]:8080:3000", "[::1]:8080", "3000"), ("[::]:1:2", "[::]:1", "2"),
            ("./a.sock:/run/b.sock", "./a.sock", "/run/b.sock"), ("/tmp/a:/run/b", "/tmp/a", "/run/b"),
            ("../a:8080", "../a", "8080"), ("8080:/run/b", "127.0.0.1:8080", "/run/b"),
            ("[::1]:0:/run/b", "[::1]:0", "/run/b"), ("./a:b:80", "./a:b", "80"),
            ("1:/run/a:b", "127.0.0.1:1", "/run/a:b"),
            ("./ü ✓:/run/ü ✓", "./ü ✓", "/run/ü ✓"),
        ])
    func aWordIsCutIntoItsTwoEnds(_ word: String, _ host: String, _ guest: String) throws {
        let forward = try Forward(word)
        #expect(forward.host.description == host && forward.guest.description == guest)
        #expect(Forward.isOne(word))
    }

    @Test(
        arguments: [
            "", ":", "0", "65536", "8080:0", "8080:65536", "65536:80", "-1", "+80", "80 ", "8O80", "a:80", "::1:80:80",
            "[127.0.0.1]:80:80", "[::1:80:80", "300.1.1.1:80:80", "/run/b", "/run/a:b", "8080:run/b", "relative:80",
            "./:80",
            ":80", "80:", "٣:٣", "1:2:3:4", "./a:", "/\0a:80",
        ])
    func whatIsNoForwardIsRefusedInASentence(_ word: String) {
        let error = #expect(throws: ControllerError.self) { try Forward(word) }
        #expect(error?.code == .usage && error?.advice != nil, "\(word)")
    }

    @Test func aNameIsNeverTakenForAForwardUnlessItIsANumber() throws {
        for name in ["app", "a80", "8.0", "80-a", "_"] { #expect(!Forward.isOne(name)) }
        #expect(Forward.isOne("2026") && (try? SandboxName.validate("2026")) != nil)
        for word in ["a:b", "/a", "./a"] {
            #expect(Forward.isOne(word) && (try? SandboxName.validate(word)) == nil)
        }
    }

    @Test func notesAndCountsComeBackAsTheyWere() {
        let notes = [ForwardNote(host: "127.0.0.1:1", guest: "/a b"), ForwardNote(host: "./ü", guest: "2")]
        #expect(ForwardNote.list(ForwardNote.encode(notes)) == notes)
        let many = [ForwardNote](repeating: notes[0], count: 100)
        #expect(ForwardNote.list(ForwardNote.encode(many)).count == ForwardNote.limit)
        for bytes: [UInt8] in [[], [0], [1, 0], [1, 2, 3], [0, 0, 0]] { #expect(ForwardNote.list(bytes).count <= 1) }
        let counts = [
            ForwardCounts(connections: .max, toGuestBytes: 0, toHostBytes: 7),
            ForwardCounts(connections: 1, toGuestBytes: 2, toHostBytes: 3),
        ]
        #expect(ForwardCounts.list(ForwardCounts.encode(counts)) == counts)
        #expect(ForwardCounts.list("1,2;x,y,z;;1,2,3,4;-1,2,3").isEmpty)
    }

    @Test func whatThePortsAreForwardedFrom() {
        for address in ["0.0.0.0", "::", "127.0.0.1", "::1"] {
            #expect(GuestPort(port: 1, address: address).isForwardable)
        }
        for address in ["10.0.2.15", "127.0.0.53", "fe80::1", ""] {
            #expect(!GuestPort(port: 1, address: address).isForwardable)
        }
    }
}
