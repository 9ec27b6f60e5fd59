import Testing

@testable import SandboxController

@Suite struct ModelTests {
    @Test(arguments: [
        ("8192", 8192), ("1024", 1024), ("4G", 4096), ("4g", 4096), ("4GB", 4096), ("4GiB", 4096), ("1.5G", 1536),
        ("2048M", 2048),
        ("2048MiB", 2048), ("1T", 1_048_576), ("16T", 16_777_216), ("2097152K", 2048),
    ])
    func amountsOfMemory(_ text: String, _ expected: Int) throws {
        #expect(try MemorySize.parse(text, source: "--memory") == expected)
    }

    @Test(arguments: [
        "", "0", "1", "1023", "512M", "-1", "-4G", "1PB", "17T", "4X", "G", "4 G", "4G4", "0x1000", "1e5", "nan", "inf",
        "٤G", ".5G", "4.G", "1..5G",
        "99999999999999999999999999", "4G\n", "4\u{0}G",
    ])
    func whatIsNoUsableAmountIsOneSentence(_ text: String) {
        let error = #expect(throws: ControllerError.self) { try MemorySize.parse(text, source: "--memory") }
        #expect(error?.code == .usage && error?.message.hasPrefix("--memory \"") == true)
        #expect(error?.message.contains("\n") == false)
    }

    @Test(arguments: [(512, "512 MiB"), (1024, "1 GiB"), (1536, "1.5 GiB"), (8192, "8 GiB"), (2047, "2 GiB")])
    func memoryForPeople(_ mebibytes: Int, _ expected: String) {
        #expect(MemorySize.text(mebibytes: mebibytes) == expected)
    }

    @Test(arguments: [
        ("user", SandboxSettings.Network.user), ("none", .none), ("tap", .tap(interface: "tap0")),
        ("tap:ks0", .tap(interface: "ks0")),
        ("bridge", .bridge(name: "virbr0")), ("bridge:br-1", .bridge(name: "br-1")),
    ])
    func networks(_ text: String, _ expected: SandboxSettings.Network) throws {
        let network = try SettingTexts.network(text, source: "--network")
        #expect(network == expected)
        #expect(try SettingTexts.network(network.text, source: "") == expected)
    }

    /// An interface's name goes into QEMU's options, where a comma would begin another one.
    @Test(arguments: [
        "", "lan", "user:x", "none:", "tap:", "tap:a,script=/x", "tap:a/b", "tap:a b", "tap:..", "tap:abcdefghijklmnop",
        "bridge:ü",
    ])
    func whatIsNoNetworkIsRefused(_ text: String) {
        #expect(throws: ControllerError.self) { try SettingTexts.network(text, source: "--network") }
    }

    @Test(arguments: ["0", "256", "-1", "", "four", "1.5", "+4", "٤", "99999999999999999999"])
    func whatIsNoNumberOfProcessorsIsRefused(_ text: String) {
        #expect(throws: ControllerError.self) { try SettingTexts.processors(text, source: "--vcpus") }
    }

    @Test(arguments: ["a/b", "a\nb", "", ".x", "-x", "a b", "ä", String(repeating: "x", count: 64)])
    func whatIsNoNameIsRefusedInOneSentence(_ name: String) {
        let error = #expect(throws: ControllerError.self) { try SandboxName.validate(name) }
        #expect(error?.code == .usage && error?.message.contains("\n") == false)
    }

    @Test(arguments: ["my app", "größe", "..", "", "---", "a/b\nc", String(repeating: "long", count: 50), "日本", "-x-"])
    func aDerivedNameIsAlwaysAName(_ text: String) throws { try SandboxName.validate(SandboxName.derived(from: text)) }

    @Test func theNearestNameIsFoundAndNothingFarIs() {
        #expect(Similarity.closest(to: "strat", among: ["stop", "start", "status"]) == "start")
        #expect(Similarity.closest(to: "xyz", among: ["start"]) == nil)
        #expect(Similarity.closest(to: "", among: ["start"]) == nil)
    }
}
