import Glibc

/// What every minimal image holds besides programs: the folders of a root file system, users, and shell settings.
enum GuestFiles {
    /// The guest's ordinary user before it takes the host user's ids.
    static let user = "sandbox"
    static let userID = 1000

    /// - Parameter shell: the login shell of root and the user.
    static func add(to tree: inout InitramfsTree, shell: String) {
        let folders = [
            "/proc", "/sys", "/dev", "/run", "/mnt", "/opt", "/srv", "/home", "/workspace", "/var", "/var/log",
            "/var/lib",
            "/var/cache", "/etc/keystone",
        ]
        for folder in folders {
            tree.add(folder, .directory(permissions: 0o755, owner: 0))
        }
        tree.add("/tmp", .directory(permissions: 0o1777, owner: 0))
        tree.add("/var/tmp", .directory(permissions: 0o1777, owner: 0))
        // A program that was included from the host's /root (pyenv, cargo) must be reachable for everybody.
        tree.add("/root", .directory(permissions: tree.holdsSomething(in: "/root") ? 0o711 : 0o700, owner: 0))
        // What Debian's git runs. Not a link: busybox knows its applets by the name they are started under.
        if !tree.contains("/usr/bin/pager") {
            tree.add("/usr/bin/pager", text: "#!/bin/sh\nexec less \"$@\"\n", permissions: 0o755)
        }
        tree.add("/home/" + user, .directory(permissions: 0o750, owner: userID))
        tree.add("/var/run", .link(target: "/run"))
        // The kernel opens it for PID 1 before anything mounts devtmpfs.
        tree.add("/dev/console", .device(major: 5, minor: 1, permissions: 0o600))
        tree.add("/dev/null", .device(major: 1, minor: 3, permissions: 0o666))
        for (path, text) in texts(shell) { tree.add(path, text: text) }
        tree.add("/etc/shadow", text: "root:*:1::::::\nnobody:*:1::::::\n\(user):*:1::::::\n", permissions: 0o600)
    }

    private static func texts(_ shell: String) -> [(String, String)] {
        [
            (
                "/etc/passwd",
                """
                root:x:0:0:root:/root:\(shell)
                nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
                \(user):x:\(userID):\(userID):sandbox:/home/\(user):\(shell)

                """
            ),
            (
                "/etc/group",
                """
                root:x:0:
                tty:x:5:
                disk:x:6:
                wheel:x:10:\(user)
                sudo:x:27:\(user)
                kvm:x:104:\(user)
                users:x:100:
                nogroup:x:65534:
                \(user):x:\(userID):

                """
            ),
            ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"),
            ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
            ("/etc/resolv.conf", ""),
            ("/etc/shells", "/bin/sh\n/bin/ash\n/bin/bash\n"),
            (
                "/etc/os-release",
                "NAME=\"Keystone minimal\"\nID=keystone-minimal\nPRETTY_NAME=\"Keystone minimal image\"\n"
            ),
            (
                "/etc/profile",
                """
                export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
                export LANG="${LANG:-C.UTF-8}"
                export PAGER="${PAGER:-less}"
                if [ "$(id -u)" = 0 ]; then mark='#'; else mark='$'; fi
                PS1='\\u@\\h:\\w'"$mark "
                unset mark

                """
            ),
        ]
    }
}
