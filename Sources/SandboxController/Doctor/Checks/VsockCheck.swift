import Glibc

/// The kernel's own vhost-vsock. Sandboxes do without it: our device is a program.
enum VsockCheck {
    static func isUsable(_ host: DoctorHost) -> Bool { access(host.root + "/dev/vhost-vsock", R_OK | W_OK) == 0 }

    static func kernel(_ host: DoctorHost) -> Finding {
        let meaning =
            "Only `start --vsock vhost` needs it; sandboxes use our own device, which needs neither module nor right."
        guard host.exists("/dev/vhost-vsock") else {
            return .note(
                "vhost-vsock", "there is no /dev/vhost-vsock", meaning, fix: "\(host.asRoot)modprobe vhost_vsock")
        }
        guard isUsable(host) else {
            return .note(
                "vhost-vsock", "/dev/vhost-vsock may not be opened by this user", meaning,
                fix: "sudo setfacl -m u:$USER:rw /dev/vhost-vsock")
        }
        return .ok("vhost-vsock", "/dev/vhost-vsock may be opened")
    }
}
