import Glibc

/// What is mounted, as this process sees it (`/proc/self/mountinfo`, proc(5)).
public enum MountTable {
    /// The type of the file system that a folder is on, such as `tmpfs`; nil where it can't be told.
    public static func fileSystem(of folder: borrowing FileDescriptor) -> String? {
        guard let information = try? SmallFile.read("/proc/self/fdinfo/\(folder.rawValue)", limit: 4096),
            let table = try? SmallFile.read("/proc/self/mountinfo", limit: 4 * 1024 * 1024),
            let number = lines(information).first(where: { $0.hasPrefix("mnt_id:") })?.split(whereSeparator: {
                $0 == "\t" || $0 == " "
            }).last
        else { return nil }
        return type(of: number, in: lines(table))
    }

    /// Behind a lone dash comes the type; before it there are optional fields, however many.
    static func type(of number: Substring, in table: [Substring]) -> String? {
        for line in table {
            let fields = line.split(separator: " ")
            guard fields.first == number, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.endIndex else {
                continue
            }
            return String(fields[dash + 1])
        }
        return nil
    }

    private static func lines(_ bytes: [UInt8]) -> [Substring] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
