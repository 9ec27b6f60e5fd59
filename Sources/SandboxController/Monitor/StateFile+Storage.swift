import FoundationEssentials
import Glibc
import LinuxSystem

extension StateFile {
    /// - Returns: nil when there is none, or when what is there is not one (a hint that can't be read is no hint).
    static func read(_ path: String) -> StateFile? {
        do throws(SystemError) {
            let bytes = try FileDescriptor.open(path, O_RDONLY).readAll(limit: 1 << 20)
            return try? decoder.decode(StateFile.self, from: Data(bytes))
        } catch { return nil }
    }

    /// Replaces the file in one step. On a full disk, where there is no room for a second one, it is overwritten where it
    /// stands: a sandbox that was stopped must not be remembered as one that runs.
    func write(_ path: String) throws(ControllerError) {
        let bytes = encoded()
        do throws(ControllerError) {
            try PrivateFiles.write(bytes, to: path)
        } catch {
            guard error.code == .noSpace, StateFile.overwrite(path, bytes) else { throw error }
        }
    }

    /// One write, padded with line ends to the old length, so that whoever reads meanwhile sees one of the two. It takes no
    /// room where the old text has as many blocks (one of 4 KiB, as a rule) and the file system overwrites in place.
    static func overwrite(_ path: String, _ bytes: [UInt8]) -> Bool {
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_NOFOLLOW)
            var information = stat()
            guard fstat(file.rawValue, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return false }
            let padding = max(0, Int(information.st_size) - bytes.count)
            let text = bytes + [UInt8](repeating: 10, count: padding)
            guard pwrite(file.rawValue, text, text.count, 0) == text.count else { return false }
            return fsync(file.rawValue) == 0
        } catch { return false }
    }

    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return (try? encoder.encode(self)).map { Array($0) } ?? []
    }

    static func decoding(_ bytes: [UInt8]) -> StateFile? { try? decoder.decode(StateFile.self, from: Data(bytes)) }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }
}
