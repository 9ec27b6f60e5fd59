import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Variables of every session")
struct ProvisionEnvironmentTests {
    private func parse(_ text: String) throws -> [String] {
        try EnvironmentFile.parse(Array(text.utf8), source: "\"f\"") { name in
            String(decoding: name, as: UTF8.self) == "HERE" ? Array("from here".utf8) : nil
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func filesAreReadAsDockerReadsThem() throws {
        let text = "\u{FEFF}A=1\n\n  # comment\n#B=2\n  C= spaced 'quoted' #kept \nD=\nE=x=y\r\nHERE\nNOT_HERE\nF=last"
        #expect(try parse(text) == ["A=1", "C= spaced 'quoted' #kept ", "D=", "E=x=y", "HERE=from here", "F=last"])
        #expect(try parse("") == [])
    }

    @Test(arguments: [("A=1\n=canary", "Line 2"), ("NA ME=canary", "Line 1"), ("\n\nA=can\0ary", "Line 3")])
    func wrongLinesAreNamedByNumberAndNeverShown(_ text: String, _ expected: String) {
        let error = #expect(throws: ControllerError.self) { try parse(text) }
        #expect(error?.code == .usage && error?.message.hasPrefix(expected) == true, "\(error?.message ?? "")")
        #expect(error?.description.contains("canary") == false)
    }

    @Test func laterOnesReplaceEarlierOnesAndPrintingShowsNamesOnly() throws {
        var variables = SessionEnvironment()
        for entry in ["A=canary", "B=2", "A=canary=3"] { try variables.set(Array(entry.utf8), source: "--env") }
        #expect(variables.names == ["B", "A"])
        var dumped = ""
        dump(variables, to: &dumped)
        #expect(!"\(variables) \(String(reflecting: variables)) \(dumped)".contains("canary"))
        #expect(SessionEnvironment(encoded: variables.encoded()) == variables)
        for wrong in ["=x", "x", "", "A=a\0b"] {
            #expect(throws: ControllerError.self) { try variables.set(Array(wrong.utf8), source: "--env") }
        }
        let large = Array("L=".utf8) + [UInt8](repeating: 97, count: 100_000)
        try variables.set(large, source: "--env")
        let error = #expect(throws: ControllerError.self) {
            try variables.set(Array("M".utf8) + large, source: "--env")
        }
        #expect(error?.message.contains("192 KiB") == true && (error?.message.utf8.count ?? 0) < 300)
    }

    @Test func ordersTravelWholeAndInOneMessage() throws {
        var variables = SessionEnvironment()
        try variables.set(Array("BYTES=".utf8) + [0xFF, 0x0A, 0x3D], source: "--env")
        let sent = StartOrders(environment: variables, git: GitOverride(name: "Ä \"Q\"", email: nil))
        let pair = try UnixSocket.pair()
        try sent.message.write(to: pair.first, deadline: .after(milliseconds: 1_000))
        let message = try #require(try ControlMessage.read(from: pair.second, deadline: .after(milliseconds: 1_000)))
        let received = try #require(StartOrders(message))
        #expect(received.environment == variables && received.git == sent.git)
        #expect(StartOrders(ControlMessage(.cancel)) == nil)
    }
}
