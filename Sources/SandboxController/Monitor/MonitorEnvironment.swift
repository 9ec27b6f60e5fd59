/// What a monitor gets of the environment that `start` is typed in: what it and the programs it runs (git, QEMU) are known to
/// need, and nothing else. It lives for as long as its sandbox, and whoever may look into `/proc/PID/environ` reads its
/// environment as it began: tokens and other secrets of the shell have no place there.
enum MonitorEnvironment {
    /// For itself and for git's answer to who commits (git(1), "ENVIRONMENT VARIABLES"). Not GIT_CONFIG_COUNT and its
    /// keys and values, nor GIT_CONFIG_PARAMETERS, since they may carry credentials (`http.extraHeader`).
    private static let names: Set<String> = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
        "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LOCALE_ARCHIVE", "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "EMAIL",
        "KEYSTONE_QEMU", "KEYSTONE_PROGRAM", "KEYSTONE_VHOST_VSOCK",
    ]

    /// `NAME=value` entries, by name.
    static func entries(of environment: [String: String]) -> [String] {
        environment.filter { names.contains($0.key) || $0.key.hasPrefix("LC_") }.map { "\($0.key)=\($0.value)" }
            .sorted()
    }
}
