import Glibc
import LinuxSystem

/// The file systems that every Linux program expects.
public enum SystemMounts {
    /// Devices and sysfs: enough to load modules and to open vsock. `/proc` is there since before `main`
    /// (CLinux, `mount_proc_for_init`).
    public static func mountEarly() {
        attempt { () throws(SystemError) in
            try Mount.mount("dev", on: "/dev", type: "devtmpfs", options: .noSetUserID, data: "mode=0755")
        }
        attempt { () throws(SystemError) in try Mount.mount("sys", on: "/sys", type: "sysfs", options: plain) }
    }

    static func mountRest() {
        let temporary: Mount.Options = [.noSetUserID, .noDevices]
        for (target, type, options, data) in [
            ("/dev/pts", "devpts", [.noSetUserID, .noExecute], "gid=5,mode=620,ptmxmode=666"),
            ("/dev/shm", "tmpfs", temporary, "mode=1777"),
            ("/run", "tmpfs", temporary, "mode=0755"),
            ("/tmp", "tmpfs", temporary, "mode=1777"),
            (ControlGroupTree.mountPoint, "cgroup2", plain, ""),
        ] as [(String, String, Mount.Options, String)] {
            attempt { () throws(SystemError) in
                try Mount.mount(type, on: target, type: type, options: options, data: data)
            }
        }
        for (name, target) in [
            ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "fd/0"), ("/dev/stdout", "fd/1"), ("/dev/stderr", "fd/2"),
        ] { symlink(target, name) }
    }

    private static let plain: Mount.Options = [.noSetUserID, .noDevices, .noExecute]

    private static func attempt(_ body: () throws(SystemError) -> Void) {
        do throws(SystemError) { try body() } catch {
            // EBUSY: it is mounted already (CONFIG_DEVTMPFS_MOUNT).
            if error.code != EBUSY { InitLog.say("\(error)") }
        }
    }
}
