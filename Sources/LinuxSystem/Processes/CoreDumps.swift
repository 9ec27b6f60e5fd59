import CLinux
import Glibc

/// Keeping a process's memory, which may hold secrets, out of files that the kernel writes when it crashes (core(5)).
public enum CoreDumps {
    /// No dump of this process and of those it starts. The limit is 1 byte, not 0: with a `core_pattern` that begins with
    /// `|` the kernel passes over the limit, except that 1 ends the dump (`do_coredump` in fs/coredump.c, which so keeps
    /// the program that takes dumps from being dumped itself); with a file, less than a page is no dump either.
    public static func forbidForAll() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_max = min(limit.rlim_max, 1)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }

    /// No dump of this process alone: those it starts are asked anew at their `execve(2)` (PR_SET_DUMPABLE of prctl(2)).
    /// Other users' processes can't read its memory or look into its `/proc` either, whatever their rights on it were.
    public static func forbidForSelf() { _ = ks_process_control(PR_SET_DUMPABLE, 0) }
}
