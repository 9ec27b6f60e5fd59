/// Which family of distributions this host is of: only for telling how its packages are installed.
enum Distribution: Equatable {
    case debian, fedora, arch, nix, other

    /// - Parameter release: `/etc/os-release` (os-release(5)).
    init(release: String) {
        var words: Set<Substring> = []
        for line in release.split(separator: "\n") where line.hasPrefix("ID=") || line.hasPrefix("ID_LIKE=") {
            let value = line.drop { $0 != "=" }.dropFirst()
            words.formUnion(value.filter { $0 != "\"" && $0 != "'" }.split(separator: " ").map { Substring($0) })
        }
        self =
            if !words.isDisjoint(with: ["debian", "ubuntu"]) {
                .debian
            } else if !words.isDisjoint(with: ["fedora", "rhel", "centos"]) {
                .fedora
            } else if words.contains("arch") {
                .arch
            } else if words.contains("nixos") {
                .nix
            } else {
                .other
            }
    }

    enum Tool: Hashable { case qemu, git, busybox, xz, packages, bus }

    /// The line to type.
    func install(_ tool: Tool, asRoot: String) -> String {
        switch self {
        case .debian: "\(asRoot)apt-get install \(Self.debianNames[tool] ?? "")"
        case .fedora: "\(asRoot)dnf install \(Self.fedoraNames[tool] ?? "")"
        case .arch: "\(asRoot)pacman -S \(Self.archNames[tool] ?? "")"
        case .nix: "nix profile install nixpkgs#\(Self.nixNames[tool] ?? "")"
        case .other: "Install \(Self.names[tool] ?? "") with this distribution's package manager"
        }
    }

    private static let debianNames: [Tool: String] = [
        .qemu: "qemu-system-x86 qemu-system-data seabios", .git: "git", .busybox: "busybox-static", .xz: "xz-utils",
        .packages: "apt dpkg", .bus: "dbus-user-session",
    ]
    private static let fedoraNames: [Tool: String] = [
        .qemu: "qemu-system-x86-core", .git: "git", .busybox: "busybox", .xz: "xz",
        .packages: "kernel", .bus: "dbus-broker",
    ]
    private static let archNames: [Tool: String] = [
        .qemu: "qemu-system-x86 seabios", .git: "git", .busybox: "busybox", .xz: "xz", .packages: "linux",
        .bus: "dbus",
    ]
    private static let nixNames: [Tool: String] = [
        .qemu: "qemu", .git: "git", .busybox: "pkgsStatic.busybox", .xz: "xz", .packages: "dpkg",
        .bus: "dbus",
    ]
    private static let names: [Tool: String] = [
        .qemu: "QEMU for x86_64", .git: "git", .busybox: "a statically linked busybox", .xz: "xz",
        .packages: "a kernel with its modules below /boot and /lib/modules", .bus: "D-Bus for user sessions",
    ]
}
