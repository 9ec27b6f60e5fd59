import AgentProtocol
import Foundation
import Glibc
import LinuxSystem
import SandboxController

/// Bytes a second through exec, both ways, against a bare stream through the same device, in turns.
struct ThroughputBench {
    private static let sourcePort: UInt32 = 5002
    private static let sinkPort: UInt32 = 5003
    private static let relayPort: UInt32 = 5005
    private static let mebibytesOut = 256
    private static let mebibytesIn = 64
    /// Middles of the C prototype's ranges (shared/MEASURED.md), in MiB/s.
    private static let prototypeOut = 285.0
    private static let prototypeIn = 140.0

    private let fixture: BenchFixture
    private let endpoint: GuestConnection.Endpoint
    private let rounds: Int
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 4096)

    init(_ fixture: BenchFixture, rounds: Int?) throws {
        self.fixture = fixture
        self.rounds = rounds ?? 5
        endpoint = try fixture.endpoint()
        buffer.initializeMemory(as: UInt8.self, repeating: 0x5A)
    }

    func run(_ report: inout BenchReport) throws {
        defer { buffer.deallocate() }
        let source = try ProbeServer(fixture, ["source", "\(ThroughputBench.sourcePort)"])
        defer { source.stop() }
        let sink = try ProbeServer(fixture, ["sink", "\(ThroughputBench.sinkPort)"])
        defer { sink.stop() }
        try measureOutput(&report)
        try measureInput(&report)
    }

    private func measureOutput(_ report: inout BenchReport) throws {
        var (raw, relayed, library, process) = (Samples(), Samples(), Samples(), Samples())
        for _ in 0..<rounds {
            raw.add(try rate(ThroughputBench.mebibytesOut, rawOutput))
            library.add(try rate(ThroughputBench.mebibytesOut, execOutput))
            process.add(try rate(ThroughputBench.mebibytesOut, processOutput))
            relayed.add(try relayedRate())
        }
        add("guest → host", raw, library, process, prototype: ThroughputBench.prototypeOut, to: &report)
        // A command's output has to go through a pipe, and each copy counts where the processor is emulated.
        let pipe = Figure.Baseline(name: "pipe + raw vsock stream", value: relayed.median)
        report.add(
            Figure(.throughput, "guest → host, exec, library, against a bare relay", "MiB/s", library, baseline: pipe))
    }

    private func measureInput(_ report: inout BenchReport) throws {
        var (raw, library, process) = (Samples(), Samples(), Samples())
        for _ in 0..<rounds {
            raw.add(try rate(ThroughputBench.mebibytesIn, rawInput))
            library.add(try rate(ThroughputBench.mebibytesIn, execInput))
            process.add(try rate(ThroughputBench.mebibytesIn, processInput))
        }
        add("host → guest", raw, library, process, prototype: ThroughputBench.prototypeIn, to: &report)
    }

    private func add(
        _ direction: String, _ raw: Samples, _ library: Samples, _ process: Samples, prototype: Double,
        to report: inout BenchReport
    ) {
        let base = Figure.Baseline(name: "raw vsock stream", value: raw.median)
        for (name, samples) in [("exec, library", library), ("keystone process", process)] {
            report.add(
                Figure(
                    .throughput, "\(direction), \(name)", "MiB/s", samples, baseline: base, target: .ratioAtLeast(0.8)))
        }
        let past = Figure.Baseline(name: "C prototype", value: prototype)
        report.add(
            Figure(.throughput, "\(direction), raw", "MiB/s", raw, baseline: past, target: .ratioAtLeast(1)))
    }

    private func rate(_ mebibytes: Int, _ body: (Int) throws -> Void) rethrows -> Double {
        let watch = Stopwatch()
        try body(mebibytes << 20)
        return Double(mebibytes) / watch.seconds
    }

    // MARK: Output

    /// Zeros in pieces as large as a pipe: what a busy command writes.
    private func producer(_ bytes: Int) -> [String] {
        ["/bin/dd", "if=/dev/zero", "bs=64k", "count=\(bytes >> 16)"]
    }

    private func rawOutput(_ bytes: Int) throws {
        try RawConnection(fixture, port: ThroughputBench.sourcePort).receive(bytes, buffer)
    }

    private func execOutput(_ bytes: Int) throws {
        let request = ExecRequest(arguments: producer(bytes).map { Array($0.utf8) })
        var received = 0
        _ = try GuestCommand(request, at: endpoint).follow { stream, piece in
            if stream == .standardOutput { received += piece.count }
        }
        guard received == bytes else { throw BenchError("\(received) bytes of \(bytes) came through exec") }
    }

    private func processOutput(_ bytes: Int) throws {
        let words = producer(bytes).joined(separator: " ") + " 2>/dev/null"
        try fixture.cli(["exec", BenchFixture.sandbox, "--", "/bin/sh", "-c", words])
    }

    /// The same producer, its pipe copied to a raw stream by a loop of read and write.
    private func relayedRate() throws -> Double {
        let bytes = ThroughputBench.mebibytesOut << 20
        let words = producer(bytes).joined(separator: " ") + " 2>/dev/null"
        let relay = try ProbeServer(
            fixture, command: ["/bin/sh", "-c", "\(words) | \(fixture.probePath) relay \(ThroughputBench.relayPort)"])
        defer { relay.stop() }
        return try rate(ThroughputBench.mebibytesOut) { count in
            try RawConnection(fixture, port: ThroughputBench.relayPort).receive(count, buffer)
        }
    }

    // MARK: Input

    private func rawInput(_ bytes: Int) throws {
        try RawConnection(fixture, port: ThroughputBench.sinkPort).send(bytes, UnsafeRawBufferPointer(buffer))
    }

    private func execInput(_ bytes: Int) throws {
        var request = ExecRequest(arguments: consumer.map { Array($0.utf8) })
        request.standardInput = .stream
        var left = bytes
        let end = try GuestCommand(request, at: endpoint).follow(
            input: { room in
                let count = min(left, room.count)
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                left -= count
                return count
            }, output: { _, _ in })
        guard end.outcome == .code(0), left == 0 else {
            throw BenchError("stdin of \(bytes) bytes did not get through")
        }
    }

    /// From a memory file, so that no disk is measured.
    private func processInput(_ bytes: Int) throws {
        let file = try FileDescriptor.memoryFile(name: "bench", size: bytes)
        try fixture.cli(["exec", "-i", BenchFixture.sandbox, "--"] + consumer, input: file.rawValue)
    }

    private var consumer: [String] { ["/bin/sh", "-c", "exec dd of=/dev/null bs=64k 2>/dev/null"] }
}
