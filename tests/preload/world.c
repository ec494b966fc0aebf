/*
 * The world: an oscillator that is wrong, a kernel's clock on top of it, a network that delays and loses, and an
 * honest server that shows true time.
 */
#include "world.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_TO_NTP 2208988800.0L
#define SAMPLES 1024

seconds now;
seconds world_end = 3600;
unsigned long polls;

/* The machine: how much faster than true time its oscillator runs, and how wrong the clock is at the start. */
static seconds oscillator = -50e-6L, start_error = 0.3L;
/* The date at the start, seconds since 1970. */
static seconds start_date = 1262304000;
/* The network: each way takes at least this, and an exponential time more; some requests get lost. */
static const seconds base_delay = 500e-6L, jitter = 30e-6L, loss = 0.02L;
/* Between the system call and the wire, and inside the server. */
static const seconds send_delay = 10e-6L, service_time = 25e-6L;

static seconds error, mono;
static struct timex kernel;
static struct flight flights[FLIGHTS];
static uint64_t random_state = 0x7275746863;

/* The report. */
static struct {
	unsigned long requests, replies, adjustments, steps, dishonest;
	seconds largest_step, first_adjustment, first_synchronised, worst_lie;
	bool unsynchronised_first, reported;
	struct { double time, error, bound, ppm; bool synchronised; } samples[SAMPLES];
	size_t count;
} seen = { .first_adjustment = -1, .first_synchronised = -1 };

static seconds setting(const char *name, seconds otherwise)
{
	const char *text = getenv(name);
	return text ? strtold(text, NULL) : otherwise;
}

void world_start(void)
{
	world_end = setting("WORLD_SECONDS", world_end);
	start_date = setting("WORLD_DATE", start_date);
	oscillator = setting("WORLD_OSCILLATOR_PPM", oscillator * 1e6L) * 1e-6L;
	error = setting("WORLD_ERROR", start_error);
	random_state += (uint64_t)setting("WORLD_SEED", 1);
	mono = 1000;
	kernel.tick = 10000;
	kernel.status = STA_UNSYNC;
	kernel.maxerror = kernel.esterror = 16000000;
	kernel.tolerance = 32768000;
	kernel.precision = 1;
}

static uint64_t random_bits(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* In (0, 1). */
static seconds uniform(void)
{
	return ((random_bits() >> 11) + 0.5L) / 9007199254740992.0L;
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
			if (fmodl(now, 10) == 0)
				sample();
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

/* ---- the network and the server ---- */

static void put_timestamp(unsigned char *to, seconds unix_time)
{
	seconds ntp = unix_time + UNIX_TO_NTP, whole = floorl(ntp);
	uint64_t bits = (uint64_t)fmodl(whole, 4294967296.0L) << 32 | (uint64_t)((ntp - whole) * 4294967296.0L);

	for (int i = 0; i < 8; i++)
		to[i] = bits >> (56 - 8 * i);
}

static void answer(struct packet *reply, const unsigned char *request, seconds received, seconds sent)
{
	static const unsigned char body[24] = {
		0x24, 1, 6, 0xe9, /* version 4, server; stratum 1; poll; precision */
		0, 0, 0, 0, 0, 0, 0, 1, 'P', 'R', 'E', 0,
	};

	memset(reply, 0, sizeof *reply);
	memcpy(reply->data, body, sizeof body);
	reply->data[0] = (request[0] & 0x38) | 4;
	reply->data[2] = request[2];
	put_timestamp(reply->data + 16, start_date + floorl(received) - 2);
	memcpy(reply->data + 24, request + 40, 8);
	put_timestamp(reply->data + 32, start_date + received);
	put_timestamp(reply->data + 40, start_date + sent);
	reply->length = 48;
}

static seconds leg(void)
{
	return base_delay - jitter * logl(uniform());
}

void transmit(int fd, const unsigned char *data, size_t length)
{
	seconds departure = now + send_delay, received, sent;

	if (length < 48 || (data[0] & 7) != 3)
		violation("a datagram that is no client's request");
	seen.requests++;
	advance(departure + send_delay);
	if (uniform() < loss)
		return;
	received = departure + leg();
	sent = received + service_time;
	for (size_t i = 0; i < FLIGHTS; i++) {
		if (!flights[i].used) {
			flights[i].used = true;
			flights[i].fd = fd;
			flights[i].arrival = sent + leg();
			answer(&flights[i].packet, data, received, sent);
			return;
		}
	}
	violation("more requests on the way than a client has any use for");
}

struct flight *next_flight(seconds until, bool (*wanted)(int fd))
{
	struct flight *next = NULL;

	for (size_t i = 0; i < FLIGHTS; i++) {
		struct flight *flight = &flights[i];
		if (flight->used && wanted(flight->fd) && flight->arrival <= until &&
		    (!next || flight->arrival < next->arrival))
			next = flight;
	}
	if (next)
		seen.replies++;
	return next;
}

void forget_flights(int fd)
{
	for (size_t i = 0; i < FLIGHTS; i++)
		if (flights[i].fd == fd)
			flights[i].used = false;
}

/* ---- what became of it ---- */

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("WORLD_REPORT");
	FILE *file = path ? fopen(path, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "{\"elapsed\":%.3Lf,\"polls\":%lu,\"requests\":%lu,\"replies\":%lu,\"adjustments\":%lu,"
		"\"steps\":%lu,\"largest_step\":%.9Lf,\"first_adjustment\":%.3Lf,\"first_synchronised\":%.3Lf,"
		"\"unsynchronised_first\":%s,\"synchronised_at_end\":%s,\"dishonest\":%lu,\"worst_lie\":%.9Lf,"
		"\"final_error\":%.9Lf,\"final_ppm\":%.6Lf,\"tai\":%d,\"samples\":[",
		now, polls, seen.requests, seen.replies, seen.adjustments, seen.steps, seen.largest_step,
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
