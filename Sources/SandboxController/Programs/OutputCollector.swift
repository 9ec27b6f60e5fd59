import Glibc
import LinuxSystem

/// Reads a helper program's two outputs as they come, keeping the first bytes of one and the last of the other.
struct OutputCollector: ~Copyable {
    private(set) var output: [UInt8] = []
    private(set) var errors: [UInt8] = []
    /// What the child gets as descriptor 1.
    let childOutput: Int32
    private let errorPipe: FileDescriptor
    private var outputPipe: FileDescriptor?
    private var outputPipeIn: FileDescriptor?
    private let limit: Int
    private var errorsOpen = true
    private let errorLimit: Int
    private let errorLine: (@Sendable (String) -> Void)?
    /// Of a line whose end has not come yet.
    private var lineBegun: [UInt8] = []
    private static let lineLimit = 64 << 10

    /// - Parameters:
    ///   - errors: the reading end of the pipe for standard error, non-blocking.
    ///   - errorLimit: bytes of it that are kept, the last ones.
    ///   - errorLine: is told each line of it as it comes.
    init(
        errors: consuming FileDescriptor, output: ProgramRunner.Output, errorLimit: Int,
        errorLine: (@Sendable (String) -> Void)?
    ) throws(SystemError) {
        errorPipe = errors
        self.errorLimit = errorLimit
        self.errorLine = errorLine
        switch output {
        case .descriptor(let raw):
            childOutput = raw
            limit = 0
            outputPipe = nil
            outputPipeIn = nil
        case .capture(let limit):
            self.limit = limit
            let pair = try FileDescriptor.pipe()
            let reading = pair.first
            let writing = pair.second
            try reading.setNonBlocking(true)
            childOutput = writing.rawValue
            outputPipe = consume reading
            outputPipeIn = consume writing
        }
    }

    /// After the child has its copy, so that the end of file can arrive.
    mutating func closeChildOutput() { outputPipeIn = nil }

    /// Waits until something can be read or `process` (a pidfd, or -1) ends, then reads all there is.
    mutating func collect(also process: Int32, timeout: Int32) {
        let outputNumber: Int32
        switch outputPipe {
        case .some(let pipe): outputNumber = pipe.rawValue
        case .none: outputNumber = -1
        }
        var entries = [
            pollfd(fd: process, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errorsOpen ? errorPipe.rawValue : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: outputNumber, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
        if entries[1].revents != 0 {
            errorsOpen = drain(errorPipe.rawValue) { all, chunk in
                all.errors.append(contentsOf: chunk)
                if all.errors.count > all.errorLimit { all.errors.removeFirst(all.errors.count - all.errorLimit) }
                all.tellLines(chunk)
            }
        }
        if entries[2].revents != 0 {
            let open = drain(outputNumber) { all, chunk in
                all.output.append(contentsOf: chunk.prefix(all.limit - all.output.count))
            }
            if !open { outputPipe = nil }
        }
    }

    private mutating func tellLines(_ chunk: ArraySlice<UInt8>) {
        guard let errorLine else { return }
        for byte in chunk {
            // A program that draws with carriage returns begins its line anew.
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                if lineBegun.count < Self.lineLimit { lineBegun.append(byte) }
                continue
            }
            if !lineBegun.isEmpty { errorLine(String(decoding: lineBegun, as: UTF8.self)) }
            lineBegun.removeAll(keepingCapacity: true)
        }
    }

    /// - Returns: false at the end of the pipe.
    private mutating func drain(_ pipe: Int32, _ take: (inout OutputCollector, ArraySlice<UInt8>) -> Void) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(pipe, &chunk, chunk.count)
            if count > 0 {
                take(&self, chunk[..<count])
            } else {
                return count < 0 && (errno == EAGAIN || errno == EINTR)
            }
        }
    }
}
