import Testing

@testable import SandboxController

extension EndToEnd {
    @Suite struct Doctors {
        @Test func aHostOnWhichSandboxesRunIsFoundWell() throws {
            let keystone = try Keystone()
            try Images.build(in: StateDirectory(root: keystone.stateDirectory ?? ""), for: keystone)
            let finished = try keystone.agent(["doctor"])
            #expect(finished.code == 0, "\(finished)")
            // An old one is noted where there is no KVM.
            #expect(["ok  ", "note"].contains { finished.text.contains("\($0)     qemu") }, "\(finished)")
            #expect(finished.text.contains("ok       image "), "\(finished)")
            #expect(!finished.text.contains("missing"))
        }
    }
}
