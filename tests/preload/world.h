/* The simulated world of the preload test: see main.rs. */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

/* Seconds. 64 bits of mantissa: an hour to better than a femtosecond. */
typedef long double seconds;

enum { PACKET_MAX = 1500, SOCKETS = 16, FLIGHTS = 64, FIRST_FD = 700, SERVERS = 8 };

struct packet {
	unsigned char data[PACKET_MAX];
	size_t length;
};

/* A reply on its way to one of our sockets. */
struct flight {
	bool used;
	seconds arrival;
	int fd;
	/* Who sent it. */
	int server;
	struct packet packet;
};

/* True time since the start. It passes in poll(), in sendmsg() and, a little, when a clock is read. */
extern seconds now;
/* How long the world lasts. */
extern seconds world_end;
/* The date at the start, seconds since 1970. */
extern seconds start_date;
/* How many servers there are. */
extern int servers;

void world_start(void);
void advance(seconds until);
/* What the two clocks show, and what the machine's would show `after` seconds later if nobody touched it. */
seconds realtime(seconds after);
seconds monotonic(void);
void step(seconds by);
/* As the kernel's; returns 0 or an error number. */
int adjust(struct timex *request);

/* A number of the environment. */
seconds setting(const char *name, seconds otherwise);
/* In (0, 1). */
seconds uniform(void);

/* Between the system call and the wire. */
extern seconds send_delay;

/* Reads what the environment says of the network. */
void network_start(void);
/* A request leaves; the reply, if there will be one, is put in flight. */
void transmit(int fd, int server, const unsigned char *data, size_t length);
/* The first reply to arrive by `until` for a socket that `wanted` accepts; NULL if there is none. */
struct flight *next_flight(seconds until, bool (*wanted)(int fd));
void forget_flights(int fd);
void fill_random(unsigned char *buffer, size_t length);

/* Ends the program: it did what a network simulator could not answer. */
void violation(const char *what) __attribute__((noreturn));
/* Forbids the kernel's own clock, sockets, threads and processes to this process. */
void lock_down(void);

/* For the report. */
extern unsigned long polls, requests, replies;

#endif
