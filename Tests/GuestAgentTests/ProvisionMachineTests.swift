import AgentProtocol
import Glibc
import LinuxSystem
import Testing

@testable import GuestAgent

/// Clock, name, machine id and entropy.
@Suite(.enabled(if: GuestTree.canRun)) struct ProvisionMachineTests {
    let guest: GuestTree
    init() throws { guest = try GuestTree() }

    @Test func theClockIsSetOnlyWhenItIsOff() {
        var request = ProvisionRequest(steps: [], clock: 5_000_900_000)
        #expect(guest.run(.clock, request)?.outcome == .unchanged)
        request.clock = 7_000_000_000
        let result = guest.run(.clock, request)
        #expect(result?.outcome == .done)
        #expect(result?.note == "The clock was 2000 ms behind.")
        #expect(guest.machine.clock() == 7_000_000_000)
        #expect(guest.run(.clock, request)?.outcome == .unchanged)
        request.clock = .max
        #expect(guest.run(.clock, request)?.outcome == .failed)
        guest.machine.state.withLock { $0.refuses = true }
        request.clock = 1
        #expect(guest.run(.clock, request)?.note.contains("Operation not permitted. Times in the guest") == true)
    }

    @Test func theHostNameIsSetAndKeptAndResolves() throws {
        try guest.write("/etc/hosts", "127.0.0.1 localhost # box is no name here\n127.0.1.1 old\n")
        let request = ProvisionRequest(steps: [], hostname: "box")
        #expect(guest.run(.hostname, request)?.outcome == .done)
        #expect(guest.machine.hostName() == "box")
        #expect(guest.text("/etc/hostname") == "box\n")
        #expect(guest.text("/etc/hosts") == "127.0.0.1 localhost # box is no name here\n127.0.1.1 box\n")
        let before = guest.picture()
        #expect(guest.run(.hostname, request)?.outcome == .unchanged)
        #expect(guest.picture() == before)
    }

    @Test(arguments: ["", "-a", "a-", "a..b", "ü", "a b", "a\nb", String(repeating: "x", count: 65)])
    func aNameThatIsNoneIsRefused(_ name: String) {
        #expect(guest.run(.hostname, ProvisionRequest(steps: [], hostname: name))?.outcome == .failed)
        #expect(guest.machine.hostName() == "old")
        #expect(guest.status("/etc/hostname") == nil)
    }

    @Test func aHostNameFileInAReadOnlyStoreIsLeftAndTold() throws {
        symlink("/nix/store/x", guest.folder + "/etc/hostname")
        let result = guest.run(.hostname, ProvisionRequest(steps: [], hostname: "box"))
        #expect(result?.outcome == .done)
        #expect(result?.note.contains("Only until the next boot") == true)
    }

    @Test func theMachineIDIsWrittenOnce() {
        let request = ProvisionRequest(steps: [], machineID: [0xA0, 0x01] + [UInt8](repeating: 0xFF, count: 14))
        #expect(guest.run(.machineID, request)?.outcome == .done)
        #expect(guest.text("/etc/machine-id") == "a001" + String(repeating: "f", count: 28) + "\n")
        #expect(guest.run(.machineID, request)?.outcome == .unchanged)
        let none = ProvisionRequest(steps: [], machineID: [UInt8](repeating: 0, count: 16))
        #expect(guest.run(.machineID, none)?.outcome == .failed)
    }

    @Test func whereEtcCanNotTakeTheMachineIDRunDoes() {
        symlink("/nowhere", guest.folder + "/etc/machine-id")
        let request = ProvisionRequest(steps: [], machineID: [UInt8](repeating: 1, count: 16))
        #expect(guest.run(.machineID, request)?.outcome == .done)
        #expect(guest.text("/run/machine-id") == String(repeating: "01", count: 16) + "\n")
        let second = guest.run(.machineID, request)
        #expect(second?.outcome == .unchanged)
        #expect(second?.note.contains("/run/machine-id only") == true)
    }

    @Test func entropyIsMixedInEachTime() {
        let request = ProvisionRequest(steps: [], entropy: [1, 2, 3])
        #expect(guest.run(.entropy, request)?.outcome == .done)
        #expect(guest.run(.entropy, request)?.outcome == .done)
        #expect(guest.machine.state.withLock { $0.entropy } == [1, 2, 3, 1, 2, 3])
    }

    @Test func theKernelTakesRandomBytesFromRoot() throws {
        try OwnMachine().addEntropy([UInt8](repeating: 7, count: 512))
    }

    @Test func stepsRunInTheirOrderAndAMissingValueFailsOnlyItsStep() {
        let report = guest.provisioner.run(
            ProvisionRequest(steps: Set(ProvisionStep.allCases), hostname: "box", user: guest.user))
        #expect(report.results.map(\.step) == ProvisionStep.allCases)
        #expect(
            report.results.map(\.outcome)
                == [
                    .failed, .done, .failed, .failed, .done, .done, .unchanged, .unchanged, .unchanged, .unchanged,
                    .unchanged,
                ])
    }
}
