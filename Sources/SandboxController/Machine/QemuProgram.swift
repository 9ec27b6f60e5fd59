import FoundationEssentials
import Glibc
import LinuxSystem

/// The QEMU on this host.
public struct QemuProgram: Equatable, Sendable {
    /// Absolute path.
    public let path: String
    /// Such as `7.2.22`.
    public let version: String
    /// qboot, a firmware that only starts Linux; nil where it is not installed.
    public let firmware: String?

    /// vhost-user-vsock, `-sandbox` and fd sets are much older; `-M q35,i8042=off` and a PVH start with qboot need 6.
    static let oldestMajor = 6
    static let name = "qemu-system-x86_64"
    static let advice = "Install it: apt-get install qemu-system-x86 (Debian), or qemu-system-x86-core (Fedora)."

    /// Whether, without KVM, a processor may translate an instruction that another one patches just then and keep what it was
    /// at that moment, such as a breakpoint, for as long as it isn't patched again. Mended in 8.1 (QEMU's commit deba78709ae8,
    /// "accel/tcg: Always lock pages before translation").
    public var keepsStaleCode: Bool {
        let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        return numbers.lexicographicallyPrecedes([8, 1])
    }

    /// Finds QEMU in `KEYSTONE_QEMU` or `PATH` and asks for its version.
    /// - Parameter cache: a file that remembers the answer for as long as the program's file does not change: asking
    ///   takes 20 to 60 ms, which every start would pay.
    /// - Throws: `missingProgram`, `unsupported`.
    public static func locate(
        environment: [String: String] = ProcessInfo.processInfo.environment, cache: String? = nil
    ) throws(ControllerError) -> QemuProgram {
        let asked = environment["KEYSTONE_QEMU"].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = ProgramPath.locate(asked ?? name, environment: environment) else {
            throw ControllerError(
                .missingProgram, "There is no \(PrintableText.escaped(asked ?? name)) on this host.", advice: advice)
        }
        let version = try rememberedVersion(path, cache)
        guard let major = version.split(separator: ".").first.flatMap({ Int($0) }), major >= oldestMajor else {
            throw ControllerError(
                .unsupported,
                "\(PrintableText.escaped(path)) has version \(PrintableText.escaped(version)); \(oldestMajor).0 is needed.",
                advice: advice)
        }
        return QemuProgram(path: path, version: version, firmware: locateFirmware(path))
    }

    private struct Remembered: Codable { var key, version: String }

    private static func rememberedVersion(_ path: String, _ cache: String?) throws(ControllerError) -> String {
        var status = stat()
        stat(path, &status)
        let key = "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        if let cache, let data = FileManager.default.contents(atPath: cache),
            let remembered = try? JSONDecoder().decode(Remembered.self, from: data), remembered.key == key
        {
            return remembered.version
        }
        let version = try askVersion(path)
        // Only a shortcut: where it cannot be kept, the next start asks again.
        if let cache {
            // Missing where images were only imported.
            try? PrivateFiles.makeFolder(cache.parentPath)
            try? PrivateFiles.write(StableJSON.encode(Remembered(key: key, version: version)), to: cache)
        }
        return version
    }

    /// The first line is `QEMU emulator version 7.2.22 (…)`.
    private static func askVersion(_ path: String) throws(ControllerError) -> String {
        let outcome = try ProgramRunner(path: path, arguments: ["--version"]).run(
            deadline: .after(milliseconds: 10_000))
        let words = outcome.text.split(whereSeparator: \.isWhitespace)
        guard outcome.succeeded, let place = words.firstIndex(of: "version"), place + 1 < words.count else {
            throw ControllerError(
                .unsupported, "\(PrintableText.escaped(path)) does not tell its version as QEMU does.", advice: advice)
        }
        return String(words[place + 1])
    }

    private static func locateFirmware(_ program: String) -> String? {
        let share =
            program.parentPath.parentPath + "/share/qemu"
        return [share, "/usr/share/qemu", "/usr/share/seabios"].map { $0 + "/qboot.rom" }.first {
            access($0, R_OK) == 0
        }
    }
}
