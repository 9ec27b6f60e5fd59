import FoundationEssentials
import Glibc
import LinuxSystem

/// Unpacks single compressed files with the host's own programs, told apart by their first bytes.
enum Decompression {
    private static let formats: [(magic: [UInt8], program: String, arguments: [String])] = [
        ([0x1F, 0x8B], "gzip", ["-dc"]),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz", ["-dc"]),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd", ["-dcq"]),
        ([0x02, 0x21, 0x4C, 0x18], "lz4", ["-dc"]),
        ([0x42, 0x5A, 0x68], "bzip2", ["-dc"]),
        ([0x5D, 0x00, 0x00], "xz", ["-dc", "--format=lzma"]),
    ]

    /// Copies `source` to the new file `target`, unpacked when it is compressed.
    static func unpack(_ source: String, to target: String, deadline: Deadline) throws(ControllerError) {
        let start: [UInt8]
        do throws(SystemError) {
            let file = try FileDescriptor.open(source, O_RDONLY)
            var bytes = [UInt8](repeating: 0, count: 8)
            let raw = file.rawValue
            start = Array(bytes[..<(try retryingInterrupts("read") { read(raw, &bytes, 8) })])
        } catch {
            throw error.told("Cannot read \(PrintableText.escaped(source))", as: .imageBuildFailed)
        }
        guard let format = formats.first(where: { start.starts(with: $0.magic) }) else {
            try PrivateFiles.copy(source, to: target)
            return
        }
        guard let program = ProgramPath.locate(format.program) else {
            throw ControllerError(
                .missingProgram, "The program \(format.program) is needed to unpack \(PrintableText.escaped(source)).",
                advice: "Install it: apt-get install \(format.program == "xz" ? "xz-utils" : format.program).")
        }
        let output: FileDescriptor
        do throws(SystemError) {
            output = try FileDescriptor.open(target, O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            throw error.told("Cannot write \(PrintableText.escaped(target))", as: .imageBuildFailed)
        }
        var runner = ProgramRunner(path: program, arguments: format.arguments + ["--", source])
        runner.output = .descriptor(output.rawValue)
        let status = try runner.run(deadline: deadline)
        if status.ranOutOfSpace {
            throw SystemError("write", code: ENOSPC).told("Cannot write \(PrintableText.escaped(target))", as: .noSpace)
        }
        guard status.succeeded else {
            throw ControllerError(
                .imageBuildFailed, "Cannot unpack \(PrintableText.escaped(source)): \(status.lastError)")
        }
    }
}
