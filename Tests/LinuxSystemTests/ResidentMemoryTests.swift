import Glibc
import Testing

@testable import LinuxSystem

@Suite struct ResidentMemoryTests {
    private func mapping(_ line: String) -> Range<UInt>? {
        ResidentMemory.codeMapping(Array(line.utf8)[...])
    }

    @Test func onlyTheProgramsOwnCodeIsFound() {
        #expect(
            mapping("00400000-009d2000 r-xp 00000000 00:02 664        /usr/sbin/keystone-guest-agent")
                == 0x400000..<0x9d2000)
        #expect(mapping("009f0000-00b25000 rw-p 005ef000 00:02 664      /usr/sbin/keystone-guest-agent") == nil)
        #expect(mapping("7ffc689fe000-7ffc68a00000 r-xp 00000000 00:00 0                          [vdso]") == nil)
        #expect(mapping("7ffc689fe000-7ffc68a00000 r-xp 00000000 00:00 0") == nil)
        #expect(mapping("00400000 r-xp 00000000 00:02 664 /a") == nil && mapping("x-y r-xp 0 00:02 664 /a") == nil)
        #expect(mapping("00500000-00400000 r-xp 00000000 00:02 664 /a") == nil && mapping("") == nil)
    }

    /// Anonymous memory of the process, and what it computes with, survive; its resident code gets less.
    @Test func whatWasReleasedComesBackWhenUsed() throws {
        let values = (0..<100_000).map { $0 &* 7 }
        for _ in 0..<3 {
            ResidentMemory.release()
            #expect(values.indices.allSatisfy { values[$0] == $0 &* 7 })
        }
    }
}
