import LinuxSystem

/// Names of users and groups as `/etc/passwd` and `/etc/group` have them. Not getpwuid(3): in a static program it loads the
/// host's shared NSS libraries, which must be those of the glibc that we were linked with.
enum AccountNames {
    /// - Parameter root: put before `/etc`; for tests.
    static func user(_ id: UInt32, root: String = "") -> String? { name(id, in: root + "/etc/passwd") }

    static func group(_ id: UInt32, root: String = "") -> String? { name(id, in: root + "/etc/group") }

    /// `name:password:id:…` in both files (passwd(5), group(5)).
    private static func name(_ id: UInt32, in path: String) -> String? {
        guard let bytes = try? SmallFile.read(path, limit: 1 << 20) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
            if fields.count > 2, UInt32(fields[2]) == id, !fields[0].isEmpty { return String(fields[0]) }
        }
        return nil
    }
}
