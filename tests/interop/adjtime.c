/* Tells OpenNTPD that its corrections were taken. It has no right to change the clock, and would otherwise never call
 * itself synchronised and never serve. The clock stays untouched. */
#include <string.h>
#include <sys/time.h>
#include <sys/timex.h>

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
