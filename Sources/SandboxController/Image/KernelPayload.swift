import Glibc
import LinuxSystem

/// Takes the uncompressed kernel out of a bzImage: under TCG the guest would need 4 s to unpack an XZ one itself
/// (shared/MEASURED.md), and QEMU starts an ELF `vmlinux` by its PVH entry.
enum KernelPayload {
    /// Writes the ELF kernel in `image` to the new file `target`. An image that is ELF already is copied.
    /// - Parameter scratch: a path for a temporary file, removed again.
    static func extract(_ image: String, to target: String, scratch: String, deadline: Deadline) throws(ControllerError)
    {
        let file: MappedFile
        do throws(SystemError) {
            file = try MappedFile(path: image)
        } catch {
            throw error.told("Cannot read the kernel \(PrintableText.escaped(image))", as: .imageBuildFailed)
        }
        if file.bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) {
            try PrivateFiles.copy(image, to: target)
            return
        }
        guard let payload = locate(file.bytes) else {
            throw ControllerError(
                .imageBuildFailed, "\(PrintableText.escaped(image)) is not a Linux kernel for this machine.")
        }
        defer { unlink(scratch) }
        do throws(SystemError) {
            unlink(scratch)
            let output = try FileDescriptor.open(scratch, O_WRONLY | O_CREAT | O_EXCL)
            try output.writeAll(payload)
        } catch {
            throw error.told("Cannot write \(PrintableText.escaped(scratch))", as: .imageBuildFailed)
        }
        try Decompression.unpack(scratch, to: target, deadline: deadline)
        let result = (try? MappedFile(path: target)).flatMap(ElfFile.init)
        guard result != nil else {
            unlink(target)
            throw ControllerError(
                .imageBuildFailed, "The kernel \(PrintableText.escaped(image)) is packed in an unknown way.")
        }
    }

    /// Kernel Documentation/arch/x86/boot.rst: `payload_offset` and `payload_length` count from the protected-mode
    /// code, which lies behind the boot sector and `setup_sects` more.
    private static func locate(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard bytes.slice(0x202, 4)?.elementsEqual("HdrS".utf8) == true,
            let sectors = bytes.integer(at: 0x1F1, as: UInt8.self),
            let offset = bytes.integer(at: 0x248, as: UInt32.self),
            let length = bytes.integer(at: 0x24C, as: UInt32.self), length > 4
        else { return nil }
        let start = ((sectors == 0 ? 4 : sectors) + 1) * 512 + offset
        guard let whole = bytes.slice(start, length) else { return nil }
        // The build appends the unpacked size as 4 bytes (scripts/Makefile.lib, size_append), which all but gzip, which
        // ends with it by itself, would take for garbage.
        let gzip = whole.starts(with: [0x1F, 0x8B])
        return gzip ? whole : UnsafeRawBufferPointer(rebasing: whole[..<(whole.count - 4)])
    }
}
