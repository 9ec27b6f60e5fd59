/// The host's own kernel.
enum KernelCheck {
    /// close_range(2), with which every program is started, is the youngest call that nothing replaces.
    static let oldest = (major: 5, minor: 9)

    static func kernel(_ host: DoctorHost) -> Finding {
        let release = host.text("/proc/sys/kernel/osrelease") ?? ""
        let shown = "Linux " + PrintableText.escaped(String(release.prefix(80)))
        let numbers = release.split { $0 == "." || $0 == "-" || $0 == "+" }.prefix(2).map { Int($0) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else {
            return .note("kernel", "the kernel's version can't be read", "It should be 5.9 or newer.")
        }
        guard (major, minor) >= oldest else {
            return .missing(
                "kernel", shown,
                "Linux \(oldest.major).\(oldest.minor) or newer is needed: programs are started by close_range(2).",
                fix: "Upgrade the host's kernel and boot it")
        }
        return .ok("kernel", shown)
    }
}
