import Glibc

/// Limits of the kernel that many sandboxes or large projects meet.
enum LimitChecks {
    /// Folders that one sandbox of a `mapped` share watches at most, of which half the user's are ours to take.
    private static let wantedWatches = 131_072
    /// One for each sandbox that runs and a few for the desktop; the kernel's default is 128.
    private static let wantedInstances = 128
    /// A thousand commands at once take some four descriptors each in a sandbox's device.
    private static let wantedDescriptors: rlim_t = 4096

    static func inotify(_ host: DoctorHost) -> Finding {
        let folder = "/proc/sys/fs/inotify/"
        guard let watches = host.number(folder + "max_user_watches"),
            let instances = host.number(folder + "max_user_instances")
        else {
            return .note("inotify", "the limits can't be read", "New files on a mapped share may need `fix-ownership`.")
        }
        let shown = "\(watches) watches, \(instances) instances"
        guard watches >= wantedWatches, instances >= wantedInstances else {
            return .note(
                "inotify", shown,
                "A mapped share (root's) with more folders than half of the watches is not kept right by itself in all of them.",
                fix:
                    "printf 'fs.inotify.max_user_watches=524288\\nfs.inotify.max_user_instances=512\\n' | \(host.asRoot)tee /etc/sysctl.d/60-keystone.conf && \(host.asRoot)sysctl --system"
            )
        }
        return .ok("inotify", shown)
    }

    static func descriptors(_ host: DoctorHost) -> Finding {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .note("files", "the limit of open files can't be read", "Many commands at once may be refused.")
        }
        // The device raises its own soft limit to the hard one.
        let hard = limit.rlim_max
        let shown = hard == rlim_t.max ? "any number of open files" : "up to \(hard) open files"
        guard hard >= wantedDescriptors else {
            return .warning(
                "files", shown, "Fewer than a thousand commands can run in a sandbox at once.",
                fix: "ulimit -Hn 65536 as root, or LimitNOFILE=65536 (DefaultLimitNOFILE) in systemd's configuration")
        }
        return .ok("files", shown)
    }
}
