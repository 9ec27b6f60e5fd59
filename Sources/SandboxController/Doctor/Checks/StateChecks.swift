import FoundationEssentials
import Glibc
import LinuxSystem

/// The state directory, what is written in it, and `config.json`.
enum StateChecks {
    static func folder(_ host: DoctorHost) -> Finding {
        let root = host.directory.root
        let shown = PrintableText.escaped(root)
        let elsewhere = "choose another folder with --state-dir or KEYSTONE_AGENT_STATE_DIR"
        var status = stat()
        guard stat(root, &status) == 0 else { return notThere(root, shown, elsewhere) }
        let meaning = "Sandboxes keep their registry, images, sockets and logs there."
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return .missing("state", "\(shown) is not a folder", meaning, fix: "Move it away, or \(elsewhere)")
        }
        guard status.st_uid == host.userID else {
            return .missing(
                "state", "\(shown) belongs to another user (uid \(status.st_uid))", meaning,
                fix: "sudo chown -R \(host.userID) \(shown), or \(elsewhere)")
        }
        guard status.st_mode & 0o022 == 0 else {
            return .missing(
                "state", "other users may write in \(shown)",
                "They could put a socket or an image of theirs in place of yours.",
                fix: "chmod 700 \(shown)")
        }
        if let reason = socketFailure(in: root) {
            return .missing(
                "state", "no socket can be made in \(shown): \(reason)",
                "A sandbox is spoken to through sockets in its folder; some network file systems have none.",
                fix: "Make it writable, or \(elsewhere)")
        }
        return .ok("state", "\(shown), yours alone")
    }

    private static func notThere(_ root: String, _ shown: String, _ elsewhere: String) -> Finding {
        var above = root
        while access(above, F_OK) != 0, above != "/", !above.isEmpty {
            above = above.parentPath
        }
        guard access(above, W_OK) == 0 else {
            return .missing(
                "state", "there is no \(shown), and this user may not make it", "Sandboxes keep everything there.",
                fix: "Make it writable, or \(elsewhere)")
        }
        return .ok("state", "\(shown) is made by the first start")
    }

    /// Made as a monitor would make it.
    private static func socketFailure(in root: String) -> String? {
        let path = "\(root)/.doctor-\(getpid()).sock"
        defer { unlink(path) }
        do throws(SystemError) {
            _ = try UnixSocket.listen(at: path)
            return nil
        } catch { return error.reason }
    }

    static func registry(_ host: DoctorHost) -> Finding {
        do throws(ControllerError) {
            // Not `Registry.read`, which mends: a doctor only looks.
            guard let bytes = try AtomicFile.read(host.directory.registryFile, limit: RegistryFile.maximumBytes) else {
                return .ok("registry", "no sandbox yet")
            }
            switch RegistryFile.read(bytes) {
            case .good(let records):
                return .ok("registry", records.count == 1 ? "1 sandbox" : "\(records.count) sandboxes")
            case .broken(let reason, _):
                return .warning(
                    "registry", "sandboxes.json is broken: \(PrintableText.escaped(reason))",
                    "The next command sets it aside and makes it again from the sandboxes' own folders.",
                    fix: "keystone agent list")
            case .newer(let version):
                return .missing(
                    "registry", "sandboxes.json was written by a newer Keystone (version \(version) of the file)",
                    "This version doesn't touch it.", fix: "Use that newer Keystone, or another --state-dir")
            }
        } catch {
            return .failed("registry", error, "No sandbox can be found or made.")
        }
    }

    static func configuration(_ host: DoctorHost) -> Finding {
        let path = StateDirectory.configurationFolder { host.environment[$0] } + "/config.json"
        do throws(ControllerError) {
            let configuration = try Configuration.read(environment: host.environment)
            _ = try SettingsLayer(environment: host.environment)
            guard configuration.warnings.isEmpty else {
                return .warning(
                    "config", PrintableText.escaped(configuration.warnings.joined(separator: " ")),
                    "It is passed over.",
                    fix: "Mend \(PrintableText.escaped(path))")
            }
            let there = access(path, F_OK) == 0
            return .ok("config", there ? PrintableText.escaped(path) : "no config.json: the defaults count")
        } catch {
            return .failed("config", error, "Nothing can be started with it.")
        }
    }
}
