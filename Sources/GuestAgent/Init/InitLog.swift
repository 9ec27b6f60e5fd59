import Glibc

/// Short lines on the console, which is PID 1's stderr.
enum InitLog {
    static func say(_ text: String) {
        let line = Array("keystone-init: \(text)\n".utf8)
        _ = Glibc.write(2, line, line.count)
    }

    /// Makes the console stdin, stdout and stderr: the kernel does that itself only when the initramfs holds a
    /// `/dev/console`.
    static func openConsole() {
        if fcntl(2, F_GETFD) >= 0 { return }
        let console = open("/dev/console", O_RDWR | O_NOCTTY)
        guard console >= 0 else { return }
        for target in Int32(0)...2 where target != console { dup2(console, target) }
        if console > 2 { close(console) }
    }
}
