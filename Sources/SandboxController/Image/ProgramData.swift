import FoundationEssentials
import Glibc
import LinuxSystem

/// Files besides libraries without which a program is of little use.
struct ProgramData: Equatable {
    let path: String
    /// Python recompiles what is not as old as its compiled file says.
    var keepsTimes = false
    /// Names of files and folders to leave out.
    var omitted: Set<String> = []

    /// Whether a file or folder is left out: the ones named, and what only compilers and readers of manuals need.
    func omits(_ name: String) -> Bool {
        omitted.contains(name) || name.hasPrefix("config-")
            || [".a", ".o", ".h", ".pod"].contains(where: name.hasSuffix)
    }

    /// The Python that a shim starts; everything else is itself.
    static func behindShim(_ program: String, deadline: Deadline) throws(ControllerError) -> String {
        guard ProgramPath.isShim(program), program.lastPathPart.hasPrefix("python") else {
            return program
        }
        let answer = try ask(program, ["-I", "-c", "import sys; print(sys._base_executable)"], deadline)
        return answer?.first.flatMap { ProgramPath.isExecutable($0) ? $0 : nil } ?? program
    }

    /// What any dynamically linked program of the host may use: the UTF-8 locale, terminal types, certificates.
    static var common: [ProgramData] {
        let terminals = [
            "x/xterm", "x/xterm-256color", "s/screen", "s/screen-256color", "t/tmux", "t/tmux-256color", "l/linux",
            "v/vt100", "v/vt220", "d/dumb",
        ]
        let terminalPaths = ["/lib/terminfo/", "/usr/share/terminfo/", "/etc/terminfo/"].flatMap { root in
            terminals.map { root + $0 }
        }
        let rest = ["/usr/lib/locale/C.utf8", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf"]
        return existing((terminalPaths + rest).map { ProgramData(path: $0) })
    }

    /// By the program's name as it was found, such as `git` or `python3.11`.
    static func folders(for program: String, deadline: Deadline) throws(ControllerError) -> [ProgramData] {
        let name = program.lastPathPart
        if name == "git" {
            let own = try ask(program, ["--exec-path"], deadline) ?? ["/usr/lib/git-core"]
            // Servers and mail: 2 MB each, and all of the initramfs is memory.
            let omitted: Set<String> = [
                "scalar", "git-daemon", "git-http-backend", "git-http-push", "git-imap-send", "git-shell",
            ]
            return existing((own + ["/usr/share/git-core/templates"]).map { ProgramData(path: $0, omitted: omitted) })
        }
        if name.hasPrefix("python3"), name.dropFirst(7).allSatisfy({ $0 == "." || $0.isNumber }) {
            let script =
                "import sysconfig; print(sysconfig.get_path('stdlib')); print(sysconfig.get_path('platstdlib'))"
            let own = try ask(program, ["-I", "-c", script], deadline) ?? []
            let omitted: Set<String> = [
                "test", "tests", "idlelib", "lib2to3", "ensurepip", "turtledemo", "dist-packages", "site-packages",
            ]
            return existing(Set(own).sorted().map { ProgramData(path: $0, keepsTimes: true, omitted: omitted) })
        }
        if name == "perl" {
            let own = try ask(program, ["-e", "print map { \"$_\\n\" } @INC"], deadline) ?? []
            return existing(own.map { ProgramData(path: $0) })
        }
        return []
    }

    private static func existing(_ all: [ProgramData]) -> [ProgramData] {
        all.filter { $0.path.hasPrefix("/") && access($0.path, R_OK) == 0 }
    }

    /// The lines that the program answers, or nil when it fails.
    private static func ask(_ program: String, _ arguments: [String], _ deadline: Deadline) throws(ControllerError)
        -> [String]?
    {
        let outcome = try ProgramRunner(path: program, arguments: arguments).run(deadline: deadline)
        guard outcome.succeeded else { return nil }
        return outcome.text.split(separator: "\n").map(String.init)
    }
}
