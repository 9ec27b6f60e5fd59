// The fork→exec window. The child shares its parent's memory (CLONE_VM | CLONE_VFORK) and runs on a stack
// of its own inside the parent's frame; the parent sleeps until the child has executed or exited. In the
// child only raw system calls are made: glibc's setuid(3) would signal the parent's threads, and its
// sigaction(3) takes locks (swift-subprocess issue 374).
#include "CLinux.h"
#include <linux/capability.h>
#include <linux/sched.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <string.h>

struct child_context {
    const struct ks_spawn_request *request;
    struct ks_spawn_result *result;
    int parent;
};

static long fail(struct child_context *context, int stage, int error) {
    context->result->stage = stage;
    context->result->error = error;
    return 127;
}

// Raw rt_sigaction(2) with the kernel's own structure: glibc's wrapper hides signals 32 and 33.
struct kernel_action { void *handler; unsigned long flags; void *restorer; unsigned long mask; };

// Signals that our own parent left ignored, one bit each; looked up once, because 64 calls a spawn would show.
static unsigned long inherited_ignored;

static void find_ignored_signals(void) {
    for (int number = 1; number <= 64; number++) {
        struct kernel_action action = {0};
        if (syscall(SYS_rt_sigaction, number, NULL, &action, 8) == 0 && action.handler == (void *)SIG_IGN)
            inherited_ignored |= 1UL << (number - 1);
    }
}

// Ignored signals survive execve(2) and CLONE_CLEAR_SIGHAND; these are the ones that programs ignore, and those that
// were ignored when the first program was started.
static void restore_default_signals(void) {
    static const int ignorable[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU};
    struct kernel_action action = {0};
    unsigned long wanted = inherited_ignored;
    for (size_t i = 0; i < sizeof ignorable / sizeof *ignorable; i++) wanted |= 1UL << (ignorable[i] - 1);
    for (int number = 1; number <= 64; number++)
        if (wanted >> (number - 1) & 1) syscall(SYS_rt_sigaction, number, &action, NULL, 8);
    unsigned long none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
}

// Sources are first moved above the targets, so that no copy overwrites a source still needed.
static int place_descriptors(const struct ks_spawn_request *request) {
    int count = request->descriptor_count;
    int moved[64];
    if (count > 64) { errno = EMFILE; return -1; }
    for (int i = 0; i < count; i++) {
        moved[i] = request->descriptors[i] < 0 ? -1
            : (int)syscall(SYS_fcntl, request->descriptors[i], F_DUPFD_CLOEXEC, count);
        if (request->descriptors[i] >= 0 && moved[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (moved[i] < 0) syscall(SYS_close, i);
        else if (syscall(SYS_dup3, moved[i], i, 0) < 0) return -1;
    }
    return (int)syscall(SYS_close_range, (unsigned)count, ~0U, 0);
}

static int drop_capabilities(uint64_t keep) {
    for (int capability = 0; capability <= 63; capability++) {
        if (keep >> capability & 1) continue;
        if (syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno == EINVAL) break;
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(keep >> (32 * i));
    if (syscall(SYS_capset, &header, data) < 0) return -1;
    return (int)syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static long run_child(void *argument) {
    struct child_context *context = argument;
    const struct ks_spawn_request *r = context->request;
    if (r->death_signal) {
        syscall(SYS_prctl, PR_SET_PDEATHSIG, r->death_signal, 0, 0, 0);
        if (syscall(SYS_getppid) != context->parent) return fail(context, KS_SPAWN_PARENT, ESRCH);
    }
    if (r->oom_score_adjust) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
        if (fd >= 0) syscall(SYS_write, fd, r->oom_score_adjust, strlen(r->oom_score_adjust));
    }
    if (r->new_session && syscall(SYS_setsid) < 0) return fail(context, KS_SPAWN_SESSION, errno);
    if (r->process_group && syscall(SYS_setpgid, 0, 0) < 0) return fail(context, KS_SPAWN_SESSION, errno);
    if (place_descriptors(r) < 0) return fail(context, KS_SPAWN_DESCRIPTORS, errno);
    if (r->controlling_terminal && syscall(SYS_ioctl, 0, TIOCSCTTY, 0) < 0) return fail(context, KS_SPAWN_TERMINAL, errno);
    if (r->file_mode_mask >= 0) syscall(SYS_umask, r->file_mode_mask);
    if (r->open_files_soft) {
        uint64_t limit[2] = {r->open_files_soft, r->open_files_hard};
        if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL) < 0) return fail(context, KS_SPAWN_LIMITS, errno);
    }
    if (r->set_ids) {
        if (syscall(SYS_setgroups, r->group_count, r->groups) < 0) return fail(context, KS_SPAWN_GROUPS, errno);
        if (syscall(SYS_setresgid, r->gid, r->gid, r->gid) < 0) return fail(context, KS_SPAWN_GID, errno);
        if (syscall(SYS_setresuid, r->uid, r->uid, r->uid) < 0) return fail(context, KS_SPAWN_UID, errno);
        // A change of uid clears the death signal (prctl(2)).
        if (r->death_signal) syscall(SYS_prctl, PR_SET_PDEATHSIG, r->death_signal, 0, 0, 0);
    }
    if (r->drop_capabilities && drop_capabilities(r->keep_capabilities) < 0)
        return fail(context, KS_SPAWN_CAPABILITIES, errno);
    if (r->directory && syscall(SYS_chdir, r->directory) < 0) return fail(context, KS_SPAWN_DIRECTORY, errno);
    restore_default_signals();
    int error = ENOENT;
    for (const char *const *path = r->candidates; *path; path++) {
        syscall(SYS_execve, *path, r->argv, r->envp);
        if (errno == EACCES) error = EACCES; // as execvp(3): remembered, the search goes on
        else if (errno != ENOENT && errno != ENOTDIR) { error = errno; break; }
    }
    return fail(context, KS_SPAWN_EXEC, error);
}

// clone3(2) with a stack of the child's own; the child calls run_child(argument) and exits with what it returns.
static long clone_and_run(struct clone_args *arguments, void *argument) {
    long result;
#if defined(__x86_64__)
    register long (*entry)(void *) __asm__("r8") = run_child;
    register void *context __asm__("r9") = argument;
    __asm__ volatile(
        "syscall\n\ttestq %%rax, %%rax\n\tjnz 1f\n\t"
        "xorl %%ebp, %%ebp\n\tmovq %%r9, %%rdi\n\tcall *%%r8\n\t"
        "movl %%eax, %%edi\n\tmovl %[exit], %%eax\n\tsyscall\n\thlt\n1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(entry), "r"(context), [exit] "i"(SYS_exit)
        : "rcx", "r11", "memory", "cc");
#else
#error "clone_and_run needs this architecture's clone3 call"
#endif
    if (result < 0) { errno = (int)-result; return -1; }
    return result;
}

int ks_spawn(const struct ks_spawn_request *request, struct ks_spawn_result *result) {
    char stack[32768] __attribute__((aligned(64)));
    struct child_context context = {request, result, getpid()};
    *result = (struct ks_spawn_result){.pid = -1, .pidfd = -1, .stage = KS_SPAWN_CLONE};
    int pidfd = -1;
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND
            | (request->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof stack,
        .cgroup = request->cgroup >= 0 ? (uint64_t)request->cgroup : 0,
    };
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_ignored_signals);
    sigset_t every, previous;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, &previous);
    long pid = clone_and_run(&arguments, &context);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (pid < 0) {
        result->error = error;
        return -1;
    }
    if (result->error) {
        int status;
        while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR) {}
        close(pidfd);
        errno = result->error;
        return -1;
    }
    result->pid = (int)pid;
    result->pidfd = pidfd;
    return 0;
}

int ks_waitid(int type, int id, int options, struct ks_wait_status *status) {
    siginfo_t info = {0};
    struct rusage usage = {0};
    *status = (struct ks_wait_status){0};
    if (syscall(SYS_waitid, type, id, &info, options, &usage) < 0) return -1;
    status->pid = info.si_pid;
    status->code = info.si_code;
    status->status = info.si_status;
    status->user_microseconds = usage.ru_utime.tv_sec * 1000000L + usage.ru_utime.tv_usec;
    status->system_microseconds = usage.ru_stime.tv_sec * 1000000L + usage.ru_stime.tv_usec;
    status->maximum_resident_kibibytes = usage.ru_maxrss;
    return 0;
}
