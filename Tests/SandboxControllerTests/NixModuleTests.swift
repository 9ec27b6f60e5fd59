import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

/// The Nix side, by `Tests/Nix/run`: what holds there is said in Nix.
@Suite struct NixModuleTests {
    private static let folder =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().path + "/Nix"

    @Test(arguments: ["parse", "cases", "types", "values", "table", "flake", "units", "scripts", "mutations"])
    func theModulesHold(part: String) throws {
        var runner = ProgramRunner(path: Self.folder + "/run", arguments: [part])
        runner.errorLimit = 16 << 10
        let outcome = try runner.run(deadline: .after(milliseconds: 300_000))
        #expect(outcome.succeeded, "\(String(decoding: outcome.errors, as: UTF8.self))")
        #expect(outcome.text.hasPrefix(part + ": "), "\(outcome.text)")
    }
}
