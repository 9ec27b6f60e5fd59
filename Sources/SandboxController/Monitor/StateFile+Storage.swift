import Foundation
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

    func write(_ path: String) throws(ControllerError) {
        try PrivateFiles.write(encoded(), to: path)
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
