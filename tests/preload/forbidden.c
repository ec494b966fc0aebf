/*
 * The calls that no simulator of networks answers. A program on the inline path must not make them, by libc (the functions
 * below) or directly (the filter).
 */
#include "world.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

ssize_t write(int fd, const void *buffer, size_t count);

void violation(const char *what)
{
	static const char head[] = "preload: forbidden: ";

	/* Not through stdio: this may be called from anywhere. */
	if (write(2, head, sizeof head - 1) < 0 || write(2, what, strlen(what)) < 0 || write(2, "\n", 1) < 0)
		abort();
	abort();
}

/* Under the name of the call for the linker only: the headers know better what its type is. */
#define FORBID(name) \
	void forbidden_##name(void) __asm__(#name); \
	void forbidden_##name(void) { violation(#name); }

FORBID(accept) FORBID(accept4) FORBID(listen) FORBID(socketpair) FORBID(getsockname) FORBID(getpeername)
FORBID(getsockopt) FORBID(recv) FORBID(recvfrom) FORBID(send) FORBID(sendto) FORBID(sendmmsg) FORBID(recvmmsg)
FORBID(epoll_create) FORBID(epoll_create1) FORBID(epoll_ctl) FORBID(epoll_wait) FORBID(epoll_pwait)
FORBID(epoll_pwait2) FORBID(ppoll) FORBID(select) FORBID(pselect)
FORBID(timerfd_create) FORBID(timerfd_settime) FORBID(timerfd_gettime) FORBID(eventfd) FORBID(signalfd)
FORBID(timer_create) FORBID(timer_settime) FORBID(setitimer) FORBID(pipe) FORBID(pipe2)
FORBID(inotify_init) FORBID(inotify_init1) FORBID(io_uring_setup)
FORBID(nanosleep) FORBID(clock_nanosleep) FORBID(usleep) FORBID(sleep)
FORBID(fork) FORBID(vfork) FORBID(clone) FORBID(pthread_create) FORBID(thrd_create)
FORBID(execve) FORBID(execvp) FORBID(posix_spawn) FORBID(posix_spawnp) FORBID(system) FORBID(popen)
FORBID(gettimeofday) FORBID(settimeofday) FORBID(time) FORBID(adjtime) FORBID(ntp_adjtime) FORBID(ntp_gettime)
FORBID(clock_getres) FORBID(getifaddrs) FORBID(if_nametoindex) FORBID(ioctl)
FORBID(gethostbyname) FORBID(gethostbyname_r) FORBID(syscall)

#define DENY(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/*
 * What goes past libc is stopped by the kernel. In the first place that is the machine's own clock: whatever happens, this
 * test does not move it. The numbers are those of the architecture that this is compiled for.
 */
void lock_down(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		DENY(__NR_clock_settime), DENY(__NR_clock_adjtime), DENY(__NR_adjtimex), DENY(__NR_settimeofday),
		DENY(__NR_socket), DENY(__NR_socketpair), DENY(__NR_bind), DENY(__NR_connect), DENY(__NR_sendmsg),
		DENY(__NR_sendto), DENY(__NR_sendmmsg), DENY(__NR_recvmsg), DENY(__NR_recvfrom), DENY(__NR_recvmmsg),
		DENY(__NR_ppoll), DENY(__NR_pselect6), DENY(__NR_epoll_create1), DENY(__NR_epoll_pwait),
		DENY(__NR_timerfd_create), DENY(__NR_eventfd2), DENY(__NR_signalfd4), DENY(__NR_pipe2),
		DENY(__NR_nanosleep), DENY(__NR_clock_nanosleep), DENY(__NR_clone), DENY(__NR_clone3),
		DENY(__NR_execve), DENY(__NR_execveat), DENY(__NR_io_uring_setup),
#ifdef __NR_poll
		DENY(__NR_poll), DENY(__NR_select), DENY(__NR_fork), DENY(__NR_vfork), DENY(__NR_epoll_create),
		DENY(__NR_pipe),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		violation("running without the filter that protects the machine's clock");
}
