/* Makes OpenNTPD's timers run eight times as fast, as it asks every 30 s before it calls itself synchronised, and after a
 * single mishap not for ten minutes. Only the monotonic clock and the waiting are hurried; the time that goes into packets
 * and comes with them is the true one. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HURRY 8

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	if (result == 0 && clock == CLOCK_MONOTONIC) {
		long long ns = (now->tv_sec * 1000000000LL + now->tv_nsec) * HURRY;
		now->tv_sec = ns / 1000000000;
		now->tv_nsec = ns % 1000000000;
	}
	return result;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (timeout > 0)
		timeout = (timeout + HURRY - 1) / HURRY;
	return (int)syscall(SYS_poll, fds, count, timeout);
}
