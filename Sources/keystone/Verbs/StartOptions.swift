import SandboxController

/// The options of `start`, and what they say.
enum StartOptions {
    static let name = Option.value(
        "name", "NAME", suggests: .sandbox, "Name of the sandbox (default: the project folder's name)")
    static let memory = Option.value(
        "memory", "SIZE", "Memory: MiB as a number, or 4G, 6144M; at least 1024 (default: 8192)")
    static let processors = Option.value("vcpus", "N", aliases: ["cpus"], "Virtual processors, 1 to 255 (default: 4)")
    static let nested = Option.flag("nested", "Let the guest run virtual machines of its own (default)")
    static let noNested = Option.flag("no-nested", "Don't let the guest run virtual machines of its own")
    static let fresh = Option.flag("fresh", "Stop the sandbox if it runs, discard its state, start clean")
    static let noAttach = Option.flag("no-attach", "Don't open a shell in the sandbox when it is ready")
    static let network = Option.value(
        "network", "KIND", suggests: .words(["user", "none", "tap", "bridge"]),
        "user: outgoing connections (default); none; tap[:INTERFACE]; bridge[:BRIDGE]")
    static let workspace = Option.value(
        "workspace", "MODE", suggests: .words(["passthrough"]),
        "passthrough: the project folder itself, at /workspace (default)")
    static let share = Option.value(
        "share", "KIND", suggests: .words(["9p"]), "9p: how the project folder is shared (default)")
    static let shareSecurity = Option.value(
        "share-security", "MODEL", suggests: .words(["none", "mapped", "auto"]),
        "none: files keep owner and mode; mapped: for a host run as root; auto (default)")
    static let image = Option.value("image", "IMAGE", "Image to boot: a tag or an id of `image list`")
    static let timeout = Option.value("timeout", "TIME", "Give up when it isn't ready after this long (default: 120s)")
    static let accelerator = Option.value(
        "accel", "KIND", suggests: .words(["kvm", "tcg", "auto"]), "kvm, tcg, or auto: kvm where it works (default)")
    static let gitName = Option.value(
        "git-name", "NAME", "Who commits in the guest (default: as git says in the project)")
    static let gitEmail = Option.value("git-email", "ADDRESS", "Their address (default: as git says in the project)")
    static let vsock = Option.value(
        "vsock", "KIND", suggests: .words(["auto", "vhost", "vhost-user"]),
        "vhost: the kernel's device, which every user of the host can dial; vhost-user: Keystone's own; auto (default)")
    static let idleTimeout = Option.value(
        "idle-timeout", "TIME", suggests: .words(["30m", "2h", "never"]),
        "Stop it when nobody has run a command or forwarded for this long: 30m, 2h; never (default)")
    static let persist = Option.flag("persist", "Keep it when it stops, to be started again (default)")
    static let ephemeral = Option.flag("ephemeral", "Remove it when it stops, with its logs; one that failed stays")
    static let memoryLimit = Option.value(
        "memory-limit", "SIZE", "What its processes may take of the host's memory, by cgroup: 6G; none (default)")
    static let processorLimit = Option.value(
        "cpu-limit", "N", "How many of the host's processors they may use, by cgroup: 1.5; none (default)")
    static let noGit = Option.flag("no-git", "Share PATH as it is, though it is no git repository")

    static let all = [
        name, memory, processors, image, network, fresh, noAttach, timeout, SessionVariables.entry,
        SessionVariables.file, TokenCommands.without, gitName, gitEmail, accelerator, noNested, nested, workspace,
        share, shareSecurity, vsock, idleTimeout, ephemeral, persist, memoryLimit, processorLimit, noGit,
    ]

    /// The settings that were given as flags.
    static func layer(_ arguments: ParsedArguments) throws(ControllerError) -> SettingsLayer {
        var layer = SettingsLayer()
        if let word = arguments.last(memory) {
            layer.memoryMebibytes = try MemorySize.parse(word.text, source: "--memory")
        }
        if let word = arguments.last(processors) {
            layer.processors = try SettingTexts.processors(word.text, source: "--vcpus")
        }
        layer.nested = arguments.choice(yes: nested, no: noNested)
        if let word = arguments.last(network) {
            layer.network = try SettingTexts.network(word.text, source: "--network")
        }
        if let word = arguments.last(shareSecurity) {
            layer.shareSecurity = try SettingTexts.shareSecurity(word.text, source: "--share-security")
        }
        if let word = arguments.last(accelerator) {
            layer.accelerator = try SettingTexts.accelerator(word.text, source: "--accel")
        }
        if let word = arguments.last(idleTimeout) {
            layer.idleSeconds = try SettingTexts.idle(word.text, source: "--idle-timeout")
        }
        layer.persists = arguments.choice(yes: persist, no: ephemeral)
        if let word = arguments.last(memoryLimit) {
            layer.memoryLimitMebibytes = try SettingTexts.memoryLimit(word.text, source: "--memory-limit")
        }
        if let word = arguments.last(processorLimit) {
            layer.processorLimitPercent = try SettingTexts.processorLimit(word.text, source: "--cpu-limit")
        }
        if let word = arguments.last(vsock) { layer.vsock = try SettingTexts.vsock(word.text, source: "--vsock") }
        if let word = arguments.last(image) { layer.image = try SettingTexts.image(word.text, source: "--image") }
        let git = try gitOverride(arguments)
        (layer.gitName, layer.gitEmail) = (git.name, git.email)
        try only("passthrough", later: ["clone"], arguments.last(workspace), "--workspace")
        try only("9p", later: ["virtiofs"], arguments.last(share), "--share")
        return layer
    }

    static func gitOverride(_ arguments: ParsedArguments) throws(ControllerError) -> GitOverride {
        var git = GitOverride()
        if let word = arguments.last(gitName) {
            git.name = try SettingTexts.gitIdentity(word.text, source: "--git-name")
        }
        if let word = arguments.last(gitEmail) {
            git.email = try SettingTexts.gitIdentity(word.text, source: "--git-email")
        }
        return git
    }

    private static func only(_ value: String, later: [String], _ word: Word?, _ source: String) throws(ControllerError)
    {
        guard let text = word?.text, text != value else { return }
        let given = "\(source) \(PrintableText.quoted(text))"
        throw ControllerError(
            .usage, later.contains(text) ? "\(given) comes with a later version." : "\(given) is not known.",
            advice: "This version has \(value), which is the default.")
    }
}
