/*
 * The world's machine: an oscillator that is wrong and wanders, and a kernel's clock on top of it.
 */
#include "world.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 1024

seconds now;
seconds world_end = 3600;
unsigned long polls;

/* The machine: how much faster than true time its oscillator runs, and how wrong the clock is at the start. */
static seconds oscillator = -50e-6L, start_error = 0.3L;
seconds start_date = 1262304000;
/* Its random walk, per square root of a second. */
static seconds wander;

static seconds error, mono;
static struct timex kernel;
static uint64_t random_state = 0x7275746863;

/* The report. */
static struct {
	unsigned long adjustments, steps, dishonest, looks;
	/* Once every second, when a fifth of the time is over: sums of squares, and extremes. */
	seconds squared_error, squared_rate, greatest_error;
	seconds largest_step, first_adjustment, first_synchronised, worst_lie;
	bool unsynchronised_first, reported;
	struct { double time, error, bound, ppm; bool synchronised; } samples[SAMPLES];
	size_t count;
} seen = { .first_adjustment = -1, .first_synchronised = -1 };

seconds setting(const char *name, seconds otherwise)
{
	const char *text = getenv(name);
	return text ? strtold(text, NULL) : otherwise;
}

void world_start(void)
{
	world_end = setting("WORLD_SECONDS", world_end);
	start_date = setting("WORLD_DATE", start_date);
	oscillator = setting("WORLD_OSCILLATOR_PPM", oscillator * 1e6L) * 1e-6L;
	wander = setting("WORLD_WANDER", 0);
	error = setting("WORLD_ERROR", start_error);
	random_state += (uint64_t)setting("WORLD_SEED", 1);
	mono = 1000;
	kernel.tick = 10000;
	kernel.status = STA_UNSYNC;
	kernel.maxerror = kernel.esterror = 16000000;
	kernel.tolerance = 32768000;
	kernel.precision = 1;
	network_start();
}

static uint64_t random_bits(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* In (0, 1). */
seconds uniform(void)
{
	return ((random_bits() >> 11) + 0.5L) / 9007199254740992.0L;
}

/* Box and Muller's. */
static seconds normal(void)
{
	return sqrtl(-2 * logl(uniform())) * cosl(6.283185307179586477L * uniform());
}

void fill_random(unsigned char *buffer, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buffer[i] = random_bits() >> 56;
}

/* How much faster than true time the clock runs. */
static seconds rate(void)
{
	return (1 + oscillator) * (kernel.tick / 10000.0L + kernel.freq / 65536e6L) - 1;
}

static seconds bound(void)
{
	return kernel.maxerror * 1e-6L;
}

/* What everybody can read off the kernel must be true. */
static void look(void)
{
	seconds excess = fabsl(error) - bound();

	if (!(kernel.status & STA_UNSYNC) && excess > 1e-6L) {
		seen.dishonest++;
		if (excess > seen.worst_lie)
			seen.worst_lie = excess;
	}
}

static void sample(void)
{
	if (seen.count == SAMPLES)
		return;
	seen.samples[seen.count].time = now;
	seen.samples[seen.count].error = error;
	seen.samples[seen.count].bound = bound();
	seen.samples[seen.count].ppm = rate() * 1e6L;
	seen.samples[seen.count].synchronised = !(kernel.status & STA_UNSYNC);
	seen.count++;
}

/* Once a second. */
static void judge(void)
{
	if (now < world_end / 5)
		return;
	seen.looks++;
	seen.squared_error += error * error;
	seen.squared_rate += rate() * rate();
	seen.greatest_error = fmaxl(seen.greatest_error, fabsl(error));
}

void advance(seconds until)
{
	while (now < until) {
		/* The kernel's bound grows at each full second. */
		seconds next = fminl(floorl(now) + 1, until), passed = next - now;

		error += passed * rate();
		mono += passed * (1 + rate());
		now = next;
		if (now == floorl(now)) {
			if (kernel.maxerror < 16000000)
				kernel.maxerror += 500;
			if (kernel.maxerror >= 16000000) {
				kernel.maxerror = 16000000;
				kernel.status |= STA_UNSYNC;
			}
			judge();
			if (fmodl(now, 10) == 0)
				sample();
			if (wander > 0)
				oscillator += wander * normal();
		}
		look();
	}
}

seconds realtime(seconds after)
{
	return start_date + now + error + after * (1 + rate());
}

seconds monotonic(void)
{
	return mono;
}

void step(seconds by)
{
	error += by;
	seen.steps++;
	if (fabsl(by) > fabsl(seen.largest_step))
		seen.largest_step = by;
	/* As ntp_clear() does. */
	kernel.status |= STA_UNSYNC;
	kernel.maxerror = kernel.esterror = 16000000;
}

int adjust(struct timex *request)
{
	const unsigned known = ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_TAI | ADJ_TICK |
		ADJ_SETOFFSET | ADJ_NANO | ADJ_MICRO | ADJ_OFFSET;
	unsigned modes = request->modes;

	if (modes == ADJ_OFFSET_SINGLESHOT)
		modes = ADJ_OFFSET;
	if (modes & ~known || ((modes & ADJ_OFFSET) && request->offset != 0))
		violation("an adjustment of the clock that has no business here");
	if ((modes & ADJ_TICK) && (request->tick < 9000 || request->tick > 11000))
		return EINVAL;
	if ((modes & ADJ_FREQUENCY) && labs(request->freq) > 32768000)
		violation("a frequency beyond the kernel's limits");
	if ((modes & ADJ_STATUS) && !seen.reported) {
		seen.reported = true;
		seen.unsynchronised_first = request->status & STA_UNSYNC;
	}
	if (modes && seen.first_adjustment < 0)
		seen.first_adjustment = now;
	seen.adjustments += modes != 0;

	if (modes & ADJ_TICK)
		kernel.tick = request->tick;
	if (modes & ADJ_FREQUENCY)
		kernel.freq = request->freq;
	if (modes & ADJ_STATUS)
		kernel.status = (request->status & 0xff) | (kernel.status & STA_NANO);
	if (modes & ADJ_NANO)
		kernel.status |= STA_NANO;
	if (modes & ADJ_MICRO)
		kernel.status &= ~STA_NANO;
	if (modes & ADJ_MAXERROR)
		kernel.maxerror = request->maxerror;
	if (modes & ADJ_ESTERROR)
		kernel.esterror = request->esterror;
	if (modes & ADJ_TAI)
		kernel.tai = request->constant;
	if (modes & ADJ_SETOFFSET) {
		seconds unit = kernel.status & STA_NANO ? 1e-9L : 1e-6L;
		step(request->time.tv_sec + request->time.tv_usec * unit);
	}
	if (!(kernel.status & STA_UNSYNC) && seen.first_synchronised < 0)
		seen.first_synchronised = now;
	look();
	*request = kernel;
	request->modes = 0;
	return 0;
}

/* ---- what became of it ---- */

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("WORLD_REPORT");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "{\"elapsed\":%.3Lf,\"polls\":%lu,\"requests\":%lu,\"replies\":%lu,\"adjustments\":%lu,"
		"\"rms_error\":%.3Le,\"rms_ppm\":%.3Le,\"greatest_error\":%.3Le,"
		"\"steps\":%lu,\"largest_step\":%.9Lf,\"first_adjustment\":%.3Lf,\"first_synchronised\":%.3Lf,"
		"\"unsynchronised_first\":%s,\"synchronised_at_end\":%s,\"dishonest\":%lu,\"worst_lie\":%.9Lf,"
		"\"final_error\":%.9Lf,\"final_ppm\":%.6Lf,\"tai\":%d,\"samples\":[",
		now, polls, requests, replies, seen.adjustments, sqrtl(seen.squared_error / seen.looks),
		sqrtl(seen.squared_rate / seen.looks) * 1e6L, seen.greatest_error, seen.steps, seen.largest_step,
		seen.first_adjustment, seen.first_synchronised, seen.unsynchronised_first ? "true" : "false",
		kernel.status & STA_UNSYNC ? "false" : "true", seen.dishonest, seen.worst_lie, error, rate() * 1e6L,
		kernel.tai);
	for (size_t i = 0; i < seen.count; i++)
		fprintf(file, "%s{\"time\":%.0f,\"error\":%.9f,\"bound\":%.6f,\"ppm\":%.6f,\"synchronised\":%s}",
			i ? "," : "", seen.samples[i].time, seen.samples[i].error, seen.samples[i].bound,
			seen.samples[i].ppm, seen.samples[i].synchronised ? "true" : "false");
	fprintf(file, "]}\n");
	fclose(file);
}
