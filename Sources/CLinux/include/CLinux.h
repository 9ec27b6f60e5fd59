// What Swift cannot import from Glibc: macros, ioctls, newer system calls and the fork→exec window.
// Every function returns what the system call returns and leaves errno as the system call left it.
#ifndef KEYSTONE_CLINUX_H
#define KEYSTONE_CLINUX_H

// Without _GNU_SOURCE, which the C files define: Swift's own Glibc module is built without it, and one
// declaration may not differ between two modules.
#include <errno.h>
#include <linux/perf_event.h>
#include <linux/stat.h>
#include <linux/vm_sockets.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

// --- Spawning -------------------------------------------------------------------------------------

/// Where a failed ks_spawn stopped; the child reports it through the memory it shares with its parent.
enum ks_spawn_stage {
    KS_SPAWN_CLONE = 0, KS_SPAWN_SESSION, KS_SPAWN_TERMINAL, KS_SPAWN_DESCRIPTORS, KS_SPAWN_GROUPS,
    KS_SPAWN_GID, KS_SPAWN_UID, KS_SPAWN_CAPABILITIES, KS_SPAWN_DIRECTORY, KS_SPAWN_PARENT, KS_SPAWN_EXEC,
    KS_SPAWN_LIMITS
};

/// What ks_spawn does between clone3(2) and execve(2). All pointers stay the caller's.
struct ks_spawn_request {
    const char *const *candidates; ///< paths to try in order, as execvp(3) does; NULL-terminated
    char *const *argv;             ///< NULL-terminated
    char *const *envp;             ///< NULL-terminated
    const char *directory;         ///< working directory, entered as the target user; NULL keeps the parent's
    const int *descriptors;        ///< child's descriptor i becomes a copy of descriptors[i]; -1 leaves it closed
    int descriptor_count;          ///< all descriptors from this number up are closed in the child
    int set_ids;                   ///< non-zero: setgroups, setresgid, setresuid
    uint32_t uid, gid;
    const uint32_t *groups;
    int group_count;
    int new_session;               ///< setsid(2)
    int controlling_terminal;      ///< non-zero: descriptor 0 becomes the controlling terminal
    int process_group;             ///< non-zero: setpgid(0, 0); meaningless with new_session
    int death_signal;              ///< PR_SET_PDEATHSIG, 0 for none; fires when the *thread* that spawned ends
    int cgroup;                    ///< cgroup v2 directory for CLONE_INTO_CGROUP, or -1
    int drop_capabilities;         ///< empty every capability set but `keep_capabilities` and set no_new_privs
    uint64_t keep_capabilities;    ///< bit mask of capabilities that a uid-0 child keeps
    const char *oom_score_adjust;  ///< text for /proc/self/oom_score_adj, or NULL
    int file_mode_mask;            ///< umask(2), or -1 to keep the parent's
    uint64_t open_files_soft;      ///< RLIMIT_NOFILE of the child, 0 to keep the parent's
    uint64_t open_files_hard;
};

struct ks_spawn_result {
    int pid;   ///< of the child
    int pidfd; ///< O_CLOEXEC; the caller's to close
    int error; ///< errno of the step that failed; 0 when the program was executed
    int stage; ///< enum ks_spawn_stage
};

/// Starts a program as vfork(2) does (the parent's memory is shared until execve, so a 100 MB parent
/// spawns as fast as a small one), with no window in which the child runs with the parent's handlers.
/// Returns 0 when the program was executed, -1 with `result` filled when a step failed (nothing is left
/// behind: the failed child has been reaped).
int ks_spawn(const struct ks_spawn_request *request, struct ks_spawn_result *result);

// --- Waiting --------------------------------------------------------------------------------------

struct ks_wait_status {
    int pid;        ///< 0 when WNOHANG found nothing
    int code;       ///< CLD_EXITED, CLD_KILLED, CLD_DUMPED
    int status;     ///< exit code or signal number
    int64_t user_microseconds, system_microseconds;
    int64_t maximum_resident_kibibytes;
};

/// waitid(2) with rusage. `type` is P_ALL, P_PID or P_PIDFD as numbers below.
int ks_waitid(int type, int id, int options, struct ks_wait_status *status);
enum { KS_P_ALL = 0, KS_P_PID = 1, KS_P_PIDFD = 3 };

int ks_pidfd_open(int pid);
int ks_pidfd_send_signal(int pidfd, int signal);

// --- Descriptors and sockets --------------------------------------------------------------------------

/// Constants that glibc shows only with _GNU_SOURCE.
enum { KS_O_PATH = 010000000, KS_O_TMPFILE = 020200000, KS_O_DIRECT = 040000 };
int ks_pipe(int ends[2], int flags);
/// statx(2) of the very file that `fd` holds; of the system calls only this tells the mount in the same breath.
int ks_statx(int fd, unsigned mask, struct statx *found);
int ks_accept(int listener);
int ks_peer_credentials(int socket, int *pid, unsigned *uid, unsigned *gid);

int ks_connect_vsock(int fd, uint32_t cid, uint32_t port);
int ks_bind_vsock(int fd, uint32_t cid, uint32_t port);
int ks_accept_vsock(int fd, uint32_t *peer_cid, uint32_t *peer_port);
/// Receives with up to `capacity` descriptors, all O_CLOEXEC; surplus ones are closed by the kernel.
ssize_t ks_receive_descriptors(int socket, void *bytes, size_t length, int *passed, int capacity, int *count);

// --- Terminals, devices, network ---------------------------------------------------------------------

int ks_open_terminal(int *primary, char *secondary_path, size_t length);
static inline int ks_set_window_size(int fd, uint16_t rows, uint16_t columns, uint16_t x, uint16_t y) {
    struct winsize size = {rows, columns, x, y};
    return ioctl(fd, TIOCSWINSZ, &size);
}
static inline int ks_get_window_size(int fd, struct winsize *size) { return ioctl(fd, TIOCGWINSZ, size); }
int ks_open_tap(const char *interface_name);
/// Sets an IPv4 address, netmask and (when not 0) default gateway, all in network byte order, and brings the link up.
int ks_configure_ipv4(const char *interface_name, uint32_t address, uint32_t netmask, uint32_t gateway);
static inline int ks_bytes_queued(int fd, int *bytes) { return ioctl(fd, FIONREAD, bytes); }

// --- Process and file odds and ends ------------------------------------------------------------------

static inline int ks_process_control(int what, uintptr_t to) { return prctl(what, to, 0, 0, 0); }
int ks_finit_module(int fd, const char *arguments);
int ks_memfd_create(const char *name, unsigned flags);
/// perf_event_open(2): an event of all processes on one processor.
int ks_open_event(struct perf_event_attr *e, int cpu);

#endif
