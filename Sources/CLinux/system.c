#include "CLinux.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <sys/syscall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A static Swift binary aborts before main when /proc is not mounted (a runtime constructor reads
// /proc/self/exe), so as PID 1 of an initramfs it mounts /proc first. Priority 101 is the first that
// programs may use.
__attribute__((constructor(101))) static void mount_proc_for_init(void) {
    if (getpid() != 1) return;
    mkdir("/proc", 0555);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int ks_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int ks_pidfd_send_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }
int ks_finit_module(int fd, const char *arguments) { return (int)syscall(SYS_finit_module, fd, arguments, 0); }
int ks_memfd_create(const char *name, unsigned flags) { return memfd_create(name, flags); }
// 8: PERF_FLAG_FD_CLOEXEC.
int ks_open_event(struct perf_event_attr *e, int cpu) { return (int)syscall(SYS_perf_event_open, e, -1, cpu, -1, 8L); }
int ks_statx(int fd, unsigned mask, struct statx *found) { return statx(fd, "", AT_EMPTY_PATH, mask, found); }
int ks_pipe(int ends[2], int flags) { return pipe2(ends, flags | O_CLOEXEC); }
int ks_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }

int ks_peer_credentials(int socket, int *pid, unsigned *uid, unsigned *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

// -1, with the errno of what failed before the close.
static int close_failed(int fd) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static struct sockaddr_vm vsock_address(uint32_t cid, uint32_t port) {
    struct sockaddr_vm address;
    memset(&address, 0, sizeof address);
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    return address;
}

int ks_connect_vsock(int fd, uint32_t cid, uint32_t port) {
    struct sockaddr_vm address = vsock_address(cid, port);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

int ks_bind_vsock(int fd, uint32_t cid, uint32_t port) {
    struct sockaddr_vm address = vsock_address(cid, port);
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int ks_accept_vsock(int fd, uint32_t *peer_cid, uint32_t *peer_port) {
    struct sockaddr_vm address = {0};
    socklen_t length = sizeof address;
    int accepted = accept4(fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
    if (accepted >= 0) {
        *peer_cid = address.svm_cid;
        *peer_port = address.svm_port;
    }
    return accepted;
}

ssize_t ks_receive_descriptors(int socket, void *bytes, size_t length, int *passed, int capacity, int *count) {
    enum { most = 64 };
    struct iovec part = {bytes, length};
    union { char space[CMSG_SPACE(most * sizeof(int))]; struct cmsghdr align; } control;
    if (capacity > most) capacity = most;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                             .msg_controllen = CMSG_SPACE((size_t)capacity * sizeof(int))};
    *count = 0;
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (received < 0) return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < found; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (*count < capacity) passed[(*count)++] = fd;
            else close(fd);
        }
    }
    return received;
}

int ks_open_terminal(int *primary, char *secondary_path, size_t length) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, secondary_path, length) != 0) return close_failed(fd);
    *primary = fd;
    return 0;
}

int ks_open_tap(const char *interface_name) {
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) return -1;
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(fd, TUNSETIFF, &request) < 0) return close_failed(fd);
    return fd;
}

static void set_address(struct sockaddr *target, uint32_t address) {
    struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr.s_addr = address};
    memcpy(target, &value, sizeof value);
}

int ks_configure_ipv4(const char *interface_name, uint32_t address, uint32_t netmask, uint32_t gateway) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface_name, IFNAMSIZ - 1);
    if (address) {
        set_address(&request.ifr_addr, address);
        if (ioctl(fd, SIOCSIFADDR, &request) < 0) return close_failed(fd);
        set_address(&request.ifr_netmask, netmask);
        if (ioctl(fd, SIOCSIFNETMASK, &request) < 0) return close_failed(fd);
    }
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) return close_failed(fd);
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) return close_failed(fd);
    if (gateway) {
        struct rtentry route = {0};
        set_address(&route.rt_dst, 0);
        set_address(&route.rt_genmask, 0);
        set_address(&route.rt_gateway, gateway);
        route.rt_flags = RTF_UP | RTF_GATEWAY;
        if (ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST) return close_failed(fd);
    }
    close(fd);
    return 0;
}
