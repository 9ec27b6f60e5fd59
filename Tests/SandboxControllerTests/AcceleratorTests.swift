import Foundation
import Testing

@testable import SandboxController

@Suite struct AcceleratorTests {
    /// What `/dev/kvm` and `/proc/cpuinfo` say, and what follows.
    @Test(arguments: [
        (true, "flags\t\t: fpu vmx sse", "kvm"), (true, "flags\t\t: fpu svm sse", "kvm"),
        // Hosts such as our CI: the device opens, the processor cannot virtualize, stock guests hang.
        (true, "flags\t\t: fpu sse", "tcg"), (true, "", "tcg"), (true, "flags: vmxish", "tcg"),
        (false, "flags\t\t: fpu vmx sse", "tcg"), (false, "", "tcg"),
    ])
    func kvmNeedsTheDeviceAndTheProcessor(_ device: Bool, _ information: String, _ expected: String) throws {
        let fixture = try ImageFixture()
        if device { try fixture.write("kvm", []) }
        try fixture.write("cpuinfo", Array("processor : 0\n\(information)\nbugs : none\n".utf8))
        let evidence = AcceleratorChoice.Evidence(
            device: fixture.root + "/kvm", processorInformation: fixture.root + "/cpuinfo")
        let choice = AcceleratorChoice.choose(evidence: evidence)
        #expect(choice.kind.rawValue == expected)
        #expect((choice.warning == nil) == (expected == "kvm"))
        #expect(choice.warning?.contains("\n") != true)
        // What the user asks for is done, with a warning when the evidence is against it.
        let forced = AcceleratorChoice.choose(override: .kvm, evidence: evidence)
        #expect(forced.kind == .kvm && (forced.warning == nil) == (expected == "kvm"))
        let slow = AcceleratorChoice.choose(override: .tcg, evidence: evidence)
        #expect(slow.kind == .tcg && slow.warning == nil)
    }

    @Test func aDeviceThatCannotBeWrittenIsNoEvidence() throws {
        let fixture = try ImageFixture()
        try fixture.write("cpuinfo", Array("flags : svm\n".utf8))
        // A folder opens for nobody to write, not even for root.
        let choice = AcceleratorChoice.choose(
            evidence: .init(device: fixture.root, processorInformation: fixture.root + "/cpuinfo"))
        #expect(choice.kind == .tcg)
    }
}
