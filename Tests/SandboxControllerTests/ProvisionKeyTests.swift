import Foundation
import Testing

@testable import SandboxController

@Suite("SSH keys for a guest")
struct ProvisionKeyTests {
    private final class Home {
        let path = NSTemporaryDirectory() + "keystone-keys-\(UUID().uuidString)"
        init() throws {
            try FileManager.default.createDirectory(atPath: path + "/.ssh", withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        func write(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/.ssh/\(name)"))
        }
    }

    /// A key of this type in form; no such key opens anything.
    private static func key(_ type: String, _ comment: String = "") -> String {
        let bytes = [0, 0, 0, UInt8(type.utf8.count)] + Array(type.utf8) + [0, 0, 0, 4, 1, 2, 3, 4]
        return type + " " + Data(bytes).base64EncodedString() + (comment.isEmpty ? "" : " " + comment)
    }

    @Test func allThreeKindsComeInOrderWithTheirComments() throws {
        let home = try Home()
        let (ed, rsa, ec) = (
            Self.key("ssh-ed25519", "ada@laptop, my key ✓"), Self.key("ssh-rsa"), Self.key("ecdsa-sha2-nistp256", "c")
        )
        try home.write("id_ecdsa.pub", ec + "\n")
        try home.write("id_ed25519.pub", "# mine\n\n" + ed + "\r\n" + ed + "\n")
        try home.write("id_rsa.pub", rsa)
        try home.write("other.pub", Self.key("ssh-rsa", "not asked for"))
        let found = PublicKeys.find(home: home.path)
        #expect(found.keys == [ed, rsa, ec] && found.warnings.isEmpty, "\(found)")
    }

    @Test func whatIsNoKeyAloneIsLeftOutAndSaidWithoutBeingShown() throws {
        let home = try Home()
        let good = Self.key("ssh-ed25519", "good")
        try home.write(
            "id_ed25519.pub",
            """
            command="canary" \(Self.key("ssh-ed25519"))
            \(good)
            -----BEGIN OPENSSH PRIVATE KEY-----
            canary
            ssh-ed25519 canary!
            ssh-ed25519
            ssh-dss \(Self.key("ssh-dss").split(separator: " ")[1])
            ssh-rsa \(good.split(separator: " ")[1])
            \(Self.key("ssh-ed25519", "can\u{1B}[31mary"))
            """)
        let found = PublicKeys.find(home: home.path)
        #expect(found.keys == [good])
        #expect(found.warnings.count == 8, "\(found.warnings)")
        #expect(!found.warnings.joined().contains("canary") && !found.warnings.joined().contains("\u{1B}"))
    }

    @Test func keysAreReadToTheirLastByte() {
        let whole = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a b"
        #expect(PublicKeys.key(Array(whole.utf8)[...]) == whole)
        for wrong in ["AAAAC3NzaC1lZDI1NTE5", "AAAAC3NzaC1lZDI1NTE5AAAAIAAB", "AAAA", "AAAAB3NzaC1yc2EAAAABAA=="] {
            #expect(PublicKeys.key(Array("ssh-ed25519 \(wrong)".utf8)[...]) == nil)
        }
    }

    @Test func strangeFilesAreNoReasonToWait() throws {
        let home = try Home()
        mkfifo(home.path + "/.ssh/id_rsa.pub", 0o600)
        mkdir(home.path + "/.ssh/id_ecdsa.pub", 0o700)
        try home.write("id_ed25519.pub", String(repeating: "x", count: 100_000))
        let found = PublicKeys.find(home: home.path)
        #expect(found.keys.isEmpty && found.warnings.count >= 2, "\(found)")
        #expect(PublicKeys.find(home: nil).keys.isEmpty && PublicKeys.find(home: "/nonexistent").warnings.isEmpty)
    }
}
