/*
 * The world's network: links that delay and lose, and servers at their ends that show true time unless told otherwise.
 */
#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_TO_NTP 2208988800.0L

/* The way to a server and back: each packet takes at least the base delay, and an exponential time more. */
struct link {
	double up_base, up_jitter, down_base, down_jitter;
	/* The share of requests that nobody answers, and by how much the server's clock is ahead. */
	double loss, error;
};

static struct link links[SERVERS] = { { 500e-6, 30e-6, 500e-6, 30e-6, 0.02, 0 } };
int servers = 1;
unsigned long requests, replies;

static seconds outage_from = -1, outage_until = -1;
/* Between the system call and the wire, and inside a server. */
seconds send_delay = 10e-6L;
static seconds service_time = 25e-6L;

static struct flight flights[FLIGHTS];

void network_start(void)
{
	const char *text = getenv("WORLD_LINKS");
	int used;

	outage_from = setting("WORLD_OUTAGE_FROM", outage_from);
	outage_until = setting("WORLD_OUTAGE_UNTIL", outage_until);
	send_delay = setting("WORLD_SEND_DELAY", send_delay);
	service_time = setting("WORLD_SERVICE_TIME", service_time);
	for (servers = 0; text && *text && servers < SERVERS; servers++, text += used) {
		struct link *l = &links[servers];
		if (sscanf(text, " %lf %lf %lf %lf %lf %lf ;%n", &l->up_base, &l->up_jitter, &l->down_base,
			   &l->down_jitter, &l->loss, &l->error, &used) != 6)
			violation("the links of the world: six numbers and a semicolon each");
	}
	if (!servers)
		servers = 1;
}

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

static seconds leg(seconds base, seconds jitter)
{
	return base - jitter * logl(uniform());
}

/* Nothing passes in an outage. */
static bool is_lost(const struct link *link)
{
	return uniform() < link->loss || (now >= outage_from && now < outage_until);
}

void transmit(int fd, int server, const unsigned char *data, size_t length)
{
	const struct link *link = &links[server];
	seconds departure = now + send_delay, received, sent;

	if (length < 48 || (data[0] & 7) != 3)
		violation("a datagram that is no client's request");
	requests++;
	advance(departure + send_delay);
	if (is_lost(link))
		return;
	received = departure + leg(link->up_base, link->up_jitter);
	sent = received + service_time;
	for (size_t i = 0; i < FLIGHTS; i++) {
		if (!flights[i].used) {
			flights[i].used = true;
			flights[i].fd = fd;
			flights[i].server = server;
			flights[i].arrival = sent + leg(link->down_base, link->down_jitter);
			answer(&flights[i].packet, data, received + link->error, sent + link->error);
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
		replies++;
	return next;
}

void forget_flights(int fd)
{
	for (size_t i = 0; i < FLIGHTS; i++)
		if (flights[i].fd == fd)
			flights[i].used = false;
}
