import Foundation
import Testing

@testable import SandboxController
@testable import keystone

@Suite struct DoctorCommandTests {
    @Test func whatIsNeededAndMissingMakesItFail() throws {
        let program = Program()
        // No image yet, so no sandbox can be started.
        let text = try program.run(["agent", "doctor"])
        #expect(text.code == 1 && text.output.contains("missing  image") && text.errors.contains("image"))
        #expect(text.output.contains("Fix: keystone agent image build\n"))
        let json = try program.run(["agent", "doctor", "--json"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(json.code == 1 && json.errors.isEmpty && object["healthy"] as? Bool == false)
        let checks = try #require(object["checks"] as? [[String: String]])
        #expect(
            checks.contains { $0["check"] == "kvm" } && checks.allSatisfy { $0["level"] != nil && $0["found"] != nil })
        #expect(!FileManager.default.fileExists(atPath: program.state), "looking makes nothing")
        #expect(try !program.run(["agent", "doctor", "--quiet"]).output.contains("  ok "))
    }

    @Test func aFixStandsOnALineOfItsOwn() {
        let finding = Finding(check: "a", level: .missing, found: "b", meaning: "C.", fix: "d e")
        let text = DoctorText.of(
            [finding, Finding(check: "long", level: .ok, found: "f", meaning: nil, fix: nil)], .plain)
        let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines == ["missing  a     b", "C.", "Fix: d e", "ok       long  f"])
        #expect(DoctorText.summary([finding]).contains("see a"))
    }
}
