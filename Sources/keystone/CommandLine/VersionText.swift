import AgentProtocol

/// What `--version` prints.
enum VersionText {
    static var text: String {
        let range = VersionRange.current
        let versions = range.lowest == range.highest ? "\(range.lowest)" : "\(range.lowest) to \(range.highest)"
        return "keystone \(SoftwareVersion.current) (agent protocol \(versions))\n"
    }
}
