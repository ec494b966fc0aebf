/* Tells OpenNTPD and ntpd-rs that their corrections were taken. They have no right to change the clock, and would otherwise
 * never call themselves synchronised, or end. The clock stays untouched. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int adjtime(const struct timeval *delta, struct timeval *olddelta)
{
	(void)delta;
	if (olddelta)
		memset(olddelta, 0, sizeof *olddelta);
	return 0;
}

int adjtimex(struct timex *tx)
{
	tx->modes = 0;
	return 0;
}

/* Without modes the kernel only tells. */
int clock_adjtime(clockid_t clock, struct timex *tx)
{
	tx->modes = 0;
	return (int)syscall(SYS_clock_adjtime, clock, tx);
}

int ntp_adjtime(struct timex *tx)
{
	return clock_adjtime(CLOCK_REALTIME, tx);
}
