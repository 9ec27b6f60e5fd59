import Foundation
import Testing

@testable import SandboxController

@Suite struct ConfigurationTests {
    private func read(_ text: String) throws -> Configuration {
        let path = "/tmp/keystone-config-\(getpid())-\(UInt32.random(in: 0 ... .max)).json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        return try Configuration.read(paths: [path])
    }

    @Test func aMissingFileIsFine() throws {
        #expect(try Configuration.read(environment: ["HOME": "/nonexistent"]) == Configuration())
    }

    @Test func aPersonsOwnFileWinsOverTheHostsKeyByKey() throws {
        let folder = "/tmp/keystone-config-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (host, own) = (folder + "/host.json", folder + "/own.json")
        try Data(#"{"vcpus": 2, "memory": 2048, "envFiles": [".env"], "oops": 1}"#.utf8).write(
            to: URL(fileURLWithPath: host))
        try Data(#"{"vcpus": 8, "envFiles": []}"#.utf8).write(to: URL(fileURLWithPath: own))
        let both = try Configuration.read(paths: [host, own])
        #expect(both.settings.processors == 8 && both.settings.memoryMebibytes == 2048)
        #expect(both.environmentFiles.isEmpty)
        #expect(both.warnings.count == 1 && both.warnings[0].contains("host.json"))
        #expect(try Configuration.read(paths: [host, folder + "/none.json"]).settings.processors == 2)
        try Data("{".utf8).write(to: URL(fileURLWithPath: host))
        #expect(throws: ControllerError.self) { try Configuration.read(paths: [host, own]) }
    }

    @Test func everyKeyIsUnderstood() throws {
        let settings = try read(
            #"{"backend": "qemu", "memory": "4G", "vcpus": 2, "network": "none", "shareSecurity": "mapped", "image": "dev", "nested": false, "persist": false}"#
        ).settings
        #expect(settings.nested == false && settings.persists == false)
        #expect(
            settings.memoryMebibytes == 4096 && settings.processors == 2
                && settings.network == SandboxSettings.Network.none)
        #expect(settings.shareSecurity == .chosen(.mapped) && settings.image == "dev")
        #expect(try read(#"{"memory": 2048}"#).settings.memoryMebibytes == 2048)
    }

    @Test(arguments: [
        ("", "not JSON"), ("[]", "must be a JSON object"), ("{\"memory\": true}", "\"memory\" in"),
        ("{\"memory\": 2048.5}", "\"memory\" in"),
        ("{\"memory\": \"lots\"}", "is not an amount of memory"), ("{\"memory\": 12}", "at least 1024"),
        ("{\"vcpus\": \"4\"}", "must be a whole number"),
        ("{\"vcpus\": 0}", "from 1 to 255"), ("{\"vcpus\": true}", "must be a whole number"),
        ("{\"vcpus\": null}", "must be a whole number"),
        ("{\"network\": []}", "must be a string"), ("{\"network\": \"lan\"}", "is not a network"),
        ("{\"shareSecurity\": \"maped\"}", "is none of"),
        ("{\"backend\": \"kubernetes\"}", "not a backend"), ("{\"image\": \"\"}", "is not the name"),
        ("{\"vcpus\": 1e300}", "\"vcpus\" in"), ("{\"nested\": 1}", "must be true or false"),
    ])
    func whatIsWrongIsOneSentenceWithTheKeyAndTheFile(_ text: String, _ expected: String) {
        let error = #expect(throws: ControllerError.self) { try read(text) }
        #expect(error?.code == .configurationBroken)
        #expect(
            error?.message.contains(expected) == true && error?.message.contains("/tmp/keystone-config") == true,
            "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }

    @Test func unknownKeysAreSaidAndIgnored() throws {
        let configuration = try read(#"{"memroy": 1, "vcpus": 3, "zzz\u001b": {}}"#)
        #expect(configuration.settings.processors == 3)
        #expect(configuration.warnings.count == 2)
        #expect(configuration.warnings[0].contains("did you mean memory?"))
        #expect(!configuration.warnings.joined().contains("\u{1B}"))
    }

    @Test func flagsComeBeforeTheEnvironmentBeforeTheConfigurationBeforeTheDefaults() throws {
        var flags = SettingsLayer()
        let configuration = try read(#"{"memory": 2000, "vcpus": 2, "network": "none"}"#).settings
        func settings(_ variables: [String: String], existing: SandboxSettings? = nil) throws -> SandboxSettings {
            SettingsLayer.resolve(
                flags: flags, environment: try SettingsLayer(environment: variables), existing: existing,
                configuration: configuration)
        }
        #expect(try settings([:]).memoryMebibytes == 2000)
        #expect(try settings(["KEYSTONE_AGENT_MEMORY": "3000", "KEYSTONE_AGENT_VCPUS": ""]).memoryMebibytes == 3000)
        #expect(try settings(["KEYSTONE_AGENT_VCPUS": ""]).processors == 2)
        flags.memoryMebibytes = 4000
        #expect(try settings(["KEYSTONE_AGENT_MEMORY": "3000"]).memoryMebibytes == 4000)
        #expect(
            SettingsLayer.resolve(
                flags: SettingsLayer(), environment: SettingsLayer(), existing: nil, configuration: SettingsLayer())
                == SandboxSettings())
        let made = SandboxSettings(memoryMebibytes: 1500, processors: 7, shareSecurity: .mapped)
        flags = SettingsLayer()
        #expect(try settings(["KEYSTONE_AGENT_VCPUS": "5"], existing: made).memoryMebibytes == 1500)
        #expect(try settings(["KEYSTONE_AGENT_VCPUS": "5"], existing: made).processors == 5)
        flags.shareSecurity = .automatic
        #expect(try settings([:], existing: made).shareSecurity == nil)
    }
}
