import Glibc
import LinuxSystem

/// A program that a test has started, and what it has said so far. One thread uses it.
///
/// Its descriptors are pipes unless the test gave others; everything waits in `poll(2)` with a deadline, and a program
/// that is not waited for is killed when this value goes.
final class Running {
    enum Input {
        case nothing
        /// Written as fast as it is read, then closed.
        case bytes([UInt8])
        /// A pipe that the test writes to with `write` and ends with `closeInput`.
        case open
        /// A descriptor of the test's.
        case descriptor(Int32)
    }

    enum Output {
        case captured
        case descriptor(Int32)
    }

    let process: ProcessHandle
    private(set) var output: [UInt8] = []
    private(set) var errors: [UInt8] = []
    private let started = Deadline.now()
    private var outputPipe: OwnedDescriptor?
    private var errorPipe: OwnedDescriptor?
    private var inputPipe: OwnedDescriptor?
    private var pending: ArraySlice<UInt8>
    private var closesWhenWritten = false
    private var reaped = false

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
    var processID: pid_t { process.processID }

    /// - Parameter request: its descriptors are replaced.
    init(_ original: SpawnRequest, input: Input = .nothing, output: Output = .captured, rawArguments: [[UInt8]]? = nil)
        throws
    {
        var request = original
        let inputEnd: OwnedDescriptor
        pending = []
        switch input {
        case .nothing: inputEnd = OwnedDescriptor(try FileDescriptor.open("/dev/null", O_RDONLY))
        case .descriptor(let raw): inputEnd = OwnedDescriptor(FileDescriptor(owning: dup(raw)))
        case .bytes, .open:
            let pipe = try FileDescriptor.pipe()
            inputEnd = OwnedDescriptor(pipe.first)
            let ours = pipe.second
            try ours.setNonBlocking(true)
            inputPipe = OwnedDescriptor(ours)
        }
        let outputEnd: OwnedDescriptor
        switch output {
        case .descriptor(let raw): outputEnd = OwnedDescriptor(FileDescriptor(owning: dup(raw)))
        case .captured:
            let (ours, theirs) = try Running.outgoing()
            outputPipe = ours
            outputEnd = theirs
        }
        let (ourErrors, theirErrors) = try Running.outgoing()
        errorPipe = ourErrors
        request.descriptors = [inputEnd.raw, outputEnd.raw, theirErrors.raw]
        if let rawArguments {
            var candidates = CStringList()
            var arguments = CStringList()
            var environment = CStringList()
            for candidate in request.candidates { candidates.append(candidate) }
            for argument in request.arguments { arguments.append(argument) }
            for argument in rawArguments { arguments.append(argument) }
            for entry in request.environment { environment.append(entry) }
            process = try ChildProcess.spawn(
                request, candidates: candidates, arguments: arguments, environment: environment)
        } else {
            process = try ChildProcess.spawn(request)
        }
        if case .bytes(let bytes) = input {
            pending = bytes[...]
            closesWhenWritten = true
            if bytes.isEmpty { inputPipe = nil }
        }
        withExtendedLifetime((inputEnd, outputEnd, theirErrors)) {}
    }

    private static func outgoing() throws -> (ours: OwnedDescriptor, theirs: OwnedDescriptor) {
        let pipe = try FileDescriptor.pipe()
        let ours = pipe.first
        let theirs = pipe.second
        try ours.setNonBlocking(true)
        return (OwnedDescriptor(ours), OwnedDescriptor(theirs))
    }

    deinit {
        guard !reaped else { return }
        try? process.send(SIGKILL)
        _ = try? process.reap()
    }

    func write(_ text: String) { pending += Array(text.utf8) }

    /// Once all that was written has gone.
    func closeInput() {
        closesWhenWritten = true
        if pending.isEmpty { inputPipe = nil }
    }

    func send(_ signal: Int32) throws { try process.send(signal) }

    /// Waits for the program's end and the end of its output.
    func finish(within seconds: Double = 60) throws -> Finished {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        // The pidfd stays in the poll: looked at twice, the program could end in between and nothing would wake us.
        while !process.hasEnded { try turn(deadline, "the program's end") }
        let ended = Deadline.now()
        // Whoever else holds its pipes is a bug: a pipeline would wait for them.
        let grace = Deadline.after(milliseconds: 5_000)
        while outputPipe != nil || errorPipe != nil {
            try turn(grace, "the end of its output, which something it left behind holds", isEnded: true)
        }
        reaped = true
        return Finished(
            status: try process.reap().status, output: output, errors: errors, seconds: Double(ended - started) / 1e9)
    }

    /// Waits until standard output holds `text`.
    func wait(forOutput text: String, within seconds: Double = 30) throws {
        try wait("output \(text)", within: seconds) { $0.text.contains(text) }
    }

    func wait(_ what: String, within seconds: Double, until condition: (Running) -> Bool) throws {
        let deadline = Deadline.after(milliseconds: Int(seconds * 1000))
        while !condition(self) {
            if outputPipe == nil, errorPipe == nil {
                throw Complaint("The program ended before \(what): \(text) \(errorText)")
            }
            try turn(deadline, what, isEnded: process.hasEnded)
        }
    }

    /// Waits for whatever happens next and takes it.
    /// - Parameter isEnded: the program's end is known and not waited for, since its pidfd stays ready.
    private func turn(_ deadline: Deadline, _ what: String, isEnded: Bool = false) throws {
        var entries = [
            pollfd(fd: isEnded ? -1 : process.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: outputPipe?.raw ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errorPipe?.raw ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pending.isEmpty ? -1 : inputPipe?.raw ?? -1, events: Int16(POLLOUT), revents: 0),
        ]
        let ready = poll(&entries, nfds_t(entries.count), deadline.pollTimeout)
        if ready == 0 {
            throw Complaint(
                "Waiting for \(what) took too long; stdout: \(text.suffix(2000)) stderr: \(errorText.suffix(2000))")
        }
        if entries[1].revents != 0, let pipe = outputPipe, !Running.drain(pipe.raw, into: &output) { outputPipe = nil }
        if entries[2].revents != 0, let pipe = errorPipe, !Running.drain(pipe.raw, into: &errors) { errorPipe = nil }
        if entries[3].revents != 0, let pipe = inputPipe {
            let count = pending.withUnsafeBytes { Glibc.write(pipe.raw, $0.baseAddress, $0.count) }
            if count > 0 { pending = pending.dropFirst(count) }
            if count < 0, errno == EPIPE { pending = [] }
            if pending.isEmpty, closesWhenWritten || (count < 0 && errno == EPIPE) { inputPipe = nil }
        }
    }

    /// - Returns: false at the end of the pipe.
    static func drain(_ pipe: Int32, into all: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(pipe, &chunk, chunk.count)
            if count > 0 {
                all.append(contentsOf: chunk[..<count])
            } else {
                return count < 0 && (errno == EAGAIN || errno == EINTR)
            }
        }
    }
}

/// A descriptor in a class, so that optionals and arrays can hold it.
final class OwnedDescriptor: Sendable {
    let value: FileDescriptor
    var raw: Int32 { value.rawValue }
    init(_ value: consuming FileDescriptor) { self.value = value }
}
