import Foundation
import LinuxSystem
import Testing

@testable import SandboxController

/// The Nix side, by `Tests/Nix/run`: what holds there is said in Nix.
@Suite struct NixModuleTests {
    private static let folder =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().path + "/Nix"

    @Test(arguments: ["parse", "cases", "types", "values", "table", "flake", "mutations"])
    func theModulesHold(part: String) throws {
        var runner = ProgramRunner(path: Self.folder + "/run", arguments: [part])
        runner.errorLimit = 16 << 10
        let outcome = try runner.run(deadline: .after(milliseconds: 300_000))
        #expect(outcome.succeeded, "\(String(decoding: outcome.errors, as: UTF8.self))")
        #expect(outcome.text.hasPrefix(part + ": "), "\(outcome.text)")
    }

    /// The unit's text, as systemd of this machine reads it. Debian 12's is 252.
    @Test func systemdTakesTheAgentsUnit() throws {
        guard let analyze = ProgramPath.locate("systemd-analyze") else { return }
        let fixture = try ImageFixture()
        try fixture.write("prefix/bin/keystone-guest-agent", Array("#!/bin/sh\n".utf8), mode: 0o755)
        let rendered = try ProgramRunner(path: Self.folder + "/render-unit", arguments: [fixture.root + "/prefix"]).run(
            deadline: .after(milliseconds: 60_000))
        try #require(rendered.succeeded, "\(rendered.lastError)")
        try fixture.write("keystone-guest-agent.service", rendered.output)
        var verify = ProgramRunner(
            path: analyze, arguments: ["verify", "--man=no", fixture.root + "/keystone-guest-agent.service"])
        verify.errorLimit = 16 << 10
        let outcome = try verify.run(deadline: .after(milliseconds: 60_000))
        // Of systemd 254; an older one passes them over, and the agent does without (its cgroup, the firmware's credential).
        let newer = ["DelegateSubgroup", "ImportCredential", "RestartMaxDelaySec", "RestartSteps"]
        let complaints = String(decoding: outcome.errors, as: UTF8.self).split(separator: "\n").filter { line in
            line.contains("keystone-guest-agent") && !newer.contains { line.contains("Unknown key '\($0)'") }
        }
        #expect(outcome.succeeded && complaints.isEmpty, "\(complaints)")
    }
}
