import AgentProtocol
import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

@Suite("Tokens in the monitor's memory")
struct TokenSetTests {
    private func set(_ values: [String: String]) throws -> TokenSet {
        var set = TokenSet()
        try set.put(
            values.compactMap { name, value in
                TokenValue(Array(value.utf8)).flatMap { HeldToken(name: name, value: $0, source: "file /x") }
            })
        return set
    }

    @Test(arguments: [
        ("abc", "****"), ("abcd", "****d"), ("1234567", "****7"), ("12345678", "****78"),
        ("sk-ant-0123456789abcdef", "****cdef"), ("éééé€€€€ab", "****ab"), ("ééééééab", "****ab"), ("ééab", "****b"),
        ("0123456789abcde\n", "****"), ("0123456789ab\u{1B}[2J", "****"),
    ])
    func atMostFourCharactersAndAQuarterAreShown(_ value: String, _ expected: String) throws {
        let listing = try set(["A": value]).tokens.map(TokenListing.init)
        #expect(listing.first?.masked == expected)
    }

    @Test func bytesThatAreNoTextShowNothing() throws {
        let value = try #require(TokenValue([UInt8](repeating: 0xFE, count: 64)))
        let held = try #require(HeldToken(name: "A", value: value, source: "s"))
        #expect(TokenListing(held).masked == "****" && TokenListing(held).isVariable)
    }

    @Test func aSetTravelsWholeAndPrintsNamesOnly() throws {
        let sent = try set(["B": "canary", "A": "\u{1}\n="])
        #expect(sent.names == ["A", "B"])
        let received = try #require(TokenSet(encoded: sent.encoded()))
        #expect(received.names == sent.names && received.tokens.map(\.token) == sent.tokens.map(\.token))
        var dumped = ""
        dump(received, to: &dumped)
        #expect(!"\(received) \(String(reflecting: received)) \(dumped)".contains("canary"))
        #expect(TokenSet(encoded: [1, 2, 3]) == nil && TokenSet(encoded: [])?.isEmpty == true)
        let bytes = sent.encoded()
        for cut in 0..<bytes.count { _ = TokenSet(encoded: Array(bytes[..<cut])) }
    }

    @Test func tooManyAreRefusedAndChangeNothing() throws {
        var tokens = try set(["A": "1"])
        let large = String(repeating: "x", count: 65536)
        #expect(throws: ControllerError.self) {
            try tokens.put(try set(Dictionary(uniqueKeysWithValues: (0..<8).map { ("L\($0)", large) })).tokens)
        }
        #expect(tokens.names == ["A"])
        #expect(throws: ControllerError.self) { try TokenSet.given("PATH", [65]) }
        #expect(throws: ControllerError.self) { try TokenSet.given("A", [10]) }
        #expect(throws: ControllerError.self) { try TokenSet.given("A-B", [65]) }
        #expect(try TokenSet.given("A", [65, 10, 10]).tokens.first?.token.value.reveal() == [65, 10])
    }

    @Test func changesAreAppliedByName() throws {
        let before = try set(["A": "1", "B": "2"])
        #expect(
            try TokenChange.put(try set(["B": "3", "C": "4"])).applied(to: before, sandbox: "s").names == [
                "A", "B", "C",
            ])
        #expect(try TokenChange.revoke(["A"]).applied(to: before, sandbox: "s").names == ["B"])
        #expect(try TokenChange.revoke(nil).applied(to: before, sandbox: "s").isEmpty)
        let error = #expect(throws: ControllerError.self) {
            try TokenChange.revoke(["AA"]).applied(to: before, sandbox: "s")
        }
        #expect(error?.advice == "Did you mean A?")
        #expect(!"\(TokenChange.put(before).event)".contains("1"))
    }

    @Test func messagesSayWhatIsToBeChanged() throws {
        let sent = ControlMessage(.changeTokens).with(.tokens, try set(["A": "1"]).encoded())
        guard case .put(let tokens)? = sent.tokenChange else { return #expect(Bool(false)) }
        #expect(tokens.names == ["A"])
        guard case .revoke(let names?)? = ControlMessage(.changeTokens).with(.revoked, "A,B").tokenChange else {
            return #expect(Bool(false))
        }
        #expect(names == ["A", "B"])
        guard case .revoke(nil)? = ControlMessage(.changeTokens).with(.force, 1).tokenChange else {
            return #expect(Bool(false))
        }
        #expect(ControlMessage(.changeTokens).tokenChange == nil)
        #expect(ControlMessage(.changeTokens).with(.tokens, [1, 2]).tokenChange == nil)
    }

    @Test func aListingHasNoValue() throws {
        let answer = ControlMessage.listing(try set(["A": "canary-canary-canary"]))
        #expect(answer.text(.tokenListing)?.contains("canary") == false)
    }

    @Test func ordersCarryTokensAndPatterns() throws {
        let large = String(repeating: "x", count: 65536)
        var variables = SessionEnvironment()
        for name in ["V", "W"] {
            try variables.set(Array("\(name)=".utf8) + [UInt8](repeating: 97, count: 95_000), source: "")
        }
        let sent = StartOrders(
            environment: variables,
            tokens: try set(Dictionary(uniqueKeysWithValues: (0..<7).map { ("L\($0)", large) })),
            environmentFiles: [".env", "ü/*.env"].compactMap(EnvironmentFilePattern.init))
        let pair = try UnixSocket.pair()
        let (reading, writing) = (OwnedEnd(pair.second), OwnedEnd(pair.first))
        try Thread.start(name: "writer") {
            try? sent.message.write(to: writing.value, deadline: .after(milliseconds: 5_000))
        }
        let message = try #require(try ControlMessage.read(from: reading.value, deadline: .after(milliseconds: 5_000)))
        let received = try #require(StartOrders(message))
        #expect(received.tokens.names == sent.tokens.names && received.environmentFiles == sent.environmentFiles)
        #expect(received.environment == variables)
    }

    private final class OwnedEnd: Sendable {
        let value: FileDescriptor
        init(_ value: consuming FileDescriptor) { self.value = value }
    }

    @Test func theMonitorsEnvironmentHasNoSecretsOfTheShell() {
        let entries = MonitorEnvironment.entries(of: [
            "PATH": "/bin", "HOME": "/h", "LC_TIME": "C", "ANTHROPIC_API_KEY": "canary", "GITHUB_TOKEN": "canary",
            "GIT_CONFIG_VALUE_0": "canary", "GIT_AUTHOR_NAME": "A", "KEYSTONE_AGENT_MEMORY": "canary",
        ])
        #expect(entries == ["GIT_AUTHOR_NAME=A", "HOME=/h", "LC_TIME=C", "PATH=/bin"])
    }
}
