import FoundationEssentials
import Glibc

/// Our own programs, git, and what the user brings along.
enum ProgramChecks {
    static func programs(_ host: DoctorHost) -> Finding {
        do throws(ControllerError) {
            let device = try ProgramLocator.own("keystone-vhost-vsock", override: "KEYSTONE_VHOST_VSOCK")
            return .ok("device", PrintableText.escaped(device))
        } catch {
            let failed = Finding.failed("device", error, "")
            let meaning =
                "It carries everything between host and guest; without it only `--vsock vhost` is left, which needs /dev/vhost-vsock."
            let level: Finding.Level = VsockCheck.isUsable(host) ? .warning : .missing
            return Finding(check: "device", level: level, found: failed.found, meaning: meaning, fix: failed.fix)
        }
    }

    static func git(_ host: DoctorHost) -> Finding {
        guard let path = ProgramPath.locate("git", environment: host.environment) else {
            return .warning(
                "git", "there is no git on this host",
                "Commits in sandboxes have no author unless --git-name and --git-email say one.",
                fix: host.distribution.install(.git, asRoot: host.asRoot))
        }
        let runner = ProgramRunner(path: path, arguments: ["--version"])
        guard let outcome = try? runner.run(deadline: .after(milliseconds: 10_000)), outcome.succeeded else {
            return .warning(
                "git", "\(PrintableText.escaped(path)) doesn't tell its version",
                "Commits in sandboxes may have no author.",
                fix: host.distribution.install(.git, asRoot: host.asRoot))
        }
        let version = outcome.text.split(separator: "\n").first.map { String($0.prefix(80)) } ?? "git"
        return .ok("git", "\(PrintableText.escaped(path)), \(PrintableText.escaped(version))")
    }

    static func keys(_ host: DoctorHost) -> Finding {
        guard let home = host.environment["HOME"], home.hasPrefix("/") else {
            return .note("keys", "HOME is not set", "No SSH key is given to sandboxes.", fix: "export HOME")
        }
        let names = ["id_ed25519.pub", "id_rsa.pub", "id_ecdsa.pub"].filter { access("\(home)/.ssh/\($0)", R_OK) == 0 }
        guard !names.isEmpty else {
            return .note(
                "keys", "there is no SSH public key in \(PrintableText.escaped(home))/.ssh",
                "Sandboxes whose image has an SSH server have no key to let you in by; no other command needs one.",
                fix: "ssh-keygen -t ed25519")
        }
        return .ok("keys", names.joined(separator: ", "))
    }
}
