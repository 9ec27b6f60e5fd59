import AgentProtocol
import Testing

@testable import GuestAgent

@Suite("What the kernel's files say of health")
struct HealthReadingTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func residentMemoryIsWhatTheKernelCountsNow() {
        let text = "00400000-7ffc3000 ---p 00000000 00:00 0    [rollup]\nRss:                3540 kB\nPss:    3000 kB\n"
        #expect(FiguresReading.resident(bytes(text)) == 3540)
        #expect(FiguresReading.resident([]) == 0)
    }

    @Test func loadAndMemoryAreRead() {
        var figures = HealthFigures()
        FiguresReading.take(load: bytes("12.05 0.5 0.00 3/123 4567\n"), &figures)
        FiguresReading.take(
            memory: bytes(
                "MemTotal:        1000 kB\nMemFree: 5 kB\nMemAvailable:     400 kB\nSwapTotal: 7 kB\nSwapFree: 6 kB\n"),
            &figures)
        #expect(figures.load1 == 1205 && figures.load5 == 5 && figures.load15 == 0 && figures.tasks == 123)
        #expect(figures.memoryTotal == 1000 && figures.memoryAvailable == 400)
        #expect(figures.swapTotal == 7 && figures.swapFree == 6)
    }

    @Test func pressureIsReadWhereThereIsAny() {
        let pressure = FiguresReading.pressure { name in
            let number = name == "cpu" ? 1 : name == "memory" ? 2 : 3
            return Array(
                "some avg10=\(number).50 avg60=9.00 total=1\nfull avg10=\(number).25 avg60=9.00 total=1\n".utf8)
        }
        #expect(
            pressure
                == .init(processorSome: 150, memorySome: 250, memoryFull: 225, storageSome: 350, storageFull: 325))
        #expect(FiguresReading.pressure { _ in [] } == nil)
    }

    @Test func mountsOfFilesAreReadAndOthersLeftOut() {
        let table = """
            1 1 0:2 / / rw - rootfs rootfs rw
            22 1 0:21 / /proc rw,nosuid - proc proc rw
            30 1 0:30 / /with\\040space rw,relatime shared:1 master:2 - tmpfs tmpfs rw,size=5k
            31 1 0:31 / /read ro,relatime - ext4 /dev/vda ro
            32 1 0:32 / /frozen rw - ext4 /dev/vdb ro,errors=remount-ro
            33 1 0:33 / /read rw - tmpfs on-top rw
            nonsense
            34 1 0:34 / /short rw -
            """
        let mounts = MountReading.parse(bytes(table))
        #expect(mounts.map(\.path) == ["/", "/with space", "/frozen", "/read"])
        #expect(mounts.map(\.type) == ["rootfs", "tmpfs", "ext4", "tmpfs"])
        #expect(mounts.map(\.isReadOnly) == [false, false, true, false])
    }

    @Test func listeningPortsAreReadAndOthersEndTheSearch() {
        let table4 = """
              sl  local_address rem_address   st tx_queue
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
               1: 00000000:0016 00000000:0000 0A 00000000:00000000
               2: 0100007F:9999 0100007F:0050 01 00000000:00000000
            """
        #expect(
            PortReading.parse(bytes(table4))
                == [.init(port: 8080, address: "127.0.0.1"), .init(port: 22, address: "0.0.0.0")])
        let table6 = """
              sl  local_address                         remote_address
               0: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 0A
               1: nonsense:0035 00000000000000000000000000000000:0000 0A
            """
        #expect(PortReading.parse(bytes(table6)) == [.init(port: 53, address: "::1")])
        #expect(PortReading.parse([]).isEmpty)
    }

    @Test(
        arguments: [
            ("3,1234,5678,-;Out of memory: Killed process 432 (hog) total-vm:1kB", "hog", 432),
            (
                "6,1,1,-,caller=T1;Memory cgroup out of memory: Killed process 7 (a b) anon-rss:1kB\n SUBSYSTEM=x",
                "a b", 7
            ),
        ] as [(String, String, UInt64)])
    func aKillForWantOfMemoryIsReadFromTheKernelsLog(_ record: String, _ program: String, _ process: UInt64) {
        #expect(KernelLog.kill(bytes(record)) == .init(program: program, processID: process, uptime: 0))
    }

    @Test(
        arguments: [
            "12,1,1,-;Out of memory: Killed process 432 (hog)",  // a process wrote it: facility 1
            "3,1,1,-;Killed process ", "3,1,1,-;Killed process 5 (never ends", "3,1,1,-;hello", "", "3", ";",
        ])
    func whatIsNoSuchRecordOrNotTheKernelsIsPassedOver(_ record: String) {
        #expect(KernelLog.kill(bytes(record)) == nil)
    }
}
