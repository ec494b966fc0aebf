/*
 * The calls that the daemon may make, answered by the world. They are as strict as the strictest simulator of networks:
 * flags in a socket's type are refused, a socket may be read only after poll() named it and once each time, poll() names one
 * descriptor at a time, errors are told as POLLPRI, and a packet in the error queue comes back inside its frames.
 */
#define _GNU_SOURCE
#include "world.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVER_NAME "time.preload.test"
/* The first of them; the name is this one's. */
#define SERVER_ADDRESS "192.0.2.1"
#define OWN_ADDRESS "192.0.2.200"
/* What the real world adds between a packet's arrival and the program's waking up. */
#define WAKE_DELAY 40e-6L
/* What a look at a clock takes. */
#define READING 50e-9L
#define FRAME_HEADERS 42

struct fake_socket {
	bool used, connected, stamps_received, stamps_sent, packet_info;
	bool may_read, may_read_errors;
	bool has_packet, has_sent;
	struct packet packet, sent;
	seconds received_at, sent_at;
	int server;
};

static struct fake_socket sockets[SOCKETS];
static unsigned long idle_polls, polls_after_end;

__attribute__((constructor)) static void start(void)
{
	world_start();
	lock_down();
}

static struct fake_socket *find(int fd)
{
	if (fd < FIRST_FD || fd >= FIRST_FD + SOCKETS || !sockets[fd - FIRST_FD].used)
		return NULL;
	return &sockets[fd - FIRST_FD];
}

static struct fake_socket *need(int fd, const char *call)
{
	struct fake_socket *s = find(fd);

	if (!s)
		violation(call);
	return s;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static struct timespec to_timespec(seconds time)
{
	seconds whole = floorl(time);

	return (struct timespec){ .tv_sec = whole, .tv_nsec = (time - whole) * 1e9L };
}

/* ---- clocks ---- */

int clock_gettime(clockid_t id, struct timespec *time)
{
	if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)
		violation("clock_gettime of a clock that a simulator does not have");
	advance(now + READING);
	*time = to_timespec(id == CLOCK_REALTIME ? realtime(0) : monotonic());
	return 0;
}

int clock_settime(clockid_t id, const struct timespec *time)
{
	if (id != CLOCK_REALTIME)
		violation("clock_settime of another clock");
	step(time->tv_sec + time->tv_nsec * 1e-9L - realtime(0));
	return 0;
}

int clock_adjtime(clockid_t id, struct timex *request)
{
	int result;

	if (id != CLOCK_REALTIME)
		violation("clock_adjtime of another clock");
	result = adjust(request);
	return result ? fail(result) : 0;
}

int adjtimex(struct timex *request)
{
	return clock_adjtime(CLOCK_REALTIME, request);
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
	(void)flags;
	fill_random(buffer, length);
	return length;
}

/* ---- names ---- */

struct answer {
	struct addrinfo info;
	struct sockaddr_in address;
};

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	struct answer *answer;

	if (service || !name || strcmp(name, SERVER_NAME) != 0 || (hints && hints->ai_family == AF_INET6))
		return EAI_NONAME;
	answer = calloc(1, sizeof *answer);
	if (!answer)
		return EAI_MEMORY;
	answer->address.sin_family = AF_INET;
	inet_pton(AF_INET, SERVER_ADDRESS, &answer->address.sin_addr);
	answer->info.ai_family = AF_INET;
	answer->info.ai_socktype = SOCK_DGRAM;
	answer->info.ai_addrlen = sizeof answer->address;
	answer->info.ai_addr = (struct sockaddr *)&answer->address;
	*result = &answer->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
	free(result);
}

/* ---- sockets ---- */

int socket(int domain, int type, int protocol)
{
	(void)protocol;
	if (domain == AF_UNIX)
		violation("a control socket that the configuration does not ask for");
	if (domain != AF_INET || type != SOCK_DGRAM)
		return fail(EINVAL);
	for (int i = 0; i < SOCKETS; i++) {
		if (!sockets[i].used) {
			memset(&sockets[i], 0, sizeof sockets[i]);
			sockets[i].used = true;
			return FIRST_FD + i;
		}
	}
	return fail(EMFILE);
}

int close(int fd)
{
	static int (*real)(int);
	struct fake_socket *s = find(fd);

	if (s) {
		forget_flights(fd);
		s->used = false;
		return 0;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "close");
	return real(fd);
}

int fcntl(int fd, int command, ...)
{
	static int (*real)(int, int, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (find(fd)) {
		/* A debug build of Rust asks F_GETFD before it closes. */
		if (command != F_SETFD && command != F_GETFD && command != F_GETFL && command != F_SETFL)
			violation("fcntl with another command");
		return 0;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fcntl");
	return real(fd, command, argument);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	struct fake_socket *s = need(fd, "setsockopt on a descriptor of the real world");
	int flags = 0;

	if (length == sizeof flags)
		memcpy(&flags, value, sizeof flags);
	if (level == SOL_SOCKET && name == SO_TIMESTAMPING) {
		s->stamps_received = flags & SOF_TIMESTAMPING_RX_SOFTWARE;
		s->stamps_sent = flags & SOF_TIMESTAMPING_TX_SOFTWARE;
		return 0;
	}
	if (level == IPPROTO_IP && name == IP_PKTINFO) {
		s->packet_info = flags;
		return 0;
	}
	/* Some simulators take what they do not know, this one refuses it: neither may matter. */
	return fail(ENOPROTOOPT);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)address;
	(void)length;
	need(fd, "bind on a descriptor of the real world");
	return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct fake_socket *s = need(fd, "connect on a descriptor of the real world");
	struct sockaddr_in to;

	if (length < sizeof to || address->sa_family != AF_INET)
		return fail(EINVAL);
	memcpy(&to, address, sizeof to);
	s->server = ntohl(to.sin_addr.s_addr) - ntohl(inet_addr(SERVER_ADDRESS));
	if (s->server < 0 || s->server >= servers || ntohs(to.sin_port) != 123)
		return fail(ENETUNREACH);
	s->connected = true;
	return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct fake_socket *s = need(fd, "sendmsg on a descriptor of the real world");
	struct packet packet = { .length = 0 };

	(void)flags;
	if (!s->connected || message->msg_name)
		return fail(s->connected ? EISCONN : EDESTADDRREQ);
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *part = &message->msg_iov[i];
		if (part->iov_len > sizeof packet.data - packet.length)
			return fail(EMSGSIZE);
		memcpy(packet.data + packet.length, part->iov_base, part->iov_len);
		packet.length += part->iov_len;
	}
	s->sent = packet;
	s->sent_at = realtime(send_delay);
	s->has_sent = s->stamps_sent;
	transmit(fd, s->server, packet.data, packet.length);
	return packet.length;
}

static void put_control(struct msghdr *message, size_t *used, int level, int type, const void *data, size_t length)
{
	struct cmsghdr *header = (struct cmsghdr *)((char *)message->msg_control + *used);

	memset(header, 0, CMSG_SPACE(length));
	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(header), data, length);
	*used += CMSG_SPACE(length);
}

static ssize_t deliver(const struct fake_socket *s, struct msghdr *message, const struct packet *packet, bool stamped,
	seconds stamp)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(123) };
	struct in_pktinfo to = { .ipi_ifindex = 1 };
	struct timespec stamps[3] = { to_timespec(stamp) };
	size_t used = 0, length = packet->length;

	if (message->msg_iovlen != 1 || message->msg_controllen < 256)
		violation("recvmsg with several buffers, or with little room for control messages");
	from.sin_addr.s_addr = htonl(ntohl(inet_addr(SERVER_ADDRESS)) + s->server);
	to.ipi_addr.s_addr = to.ipi_spec_dst.s_addr = inet_addr(OWN_ADDRESS);
	if (message->msg_name) {
		if (message->msg_namelen < sizeof from)
			violation("recvmsg with too little room for an address");
		memcpy(message->msg_name, &from, sizeof from);
		message->msg_namelen = sizeof from;
	}
	if (length > message->msg_iov[0].iov_len)
		length = message->msg_iov[0].iov_len;
	memcpy(message->msg_iov[0].iov_base, packet->data, length);
	if (s->packet_info)
		put_control(message, &used, IPPROTO_IP, IP_PKTINFO, &to, sizeof to);
	if (stamped)
		put_control(message, &used, SOL_SOCKET, SCM_TIMESTAMPING, stamps, sizeof stamps);
	message->msg_controllen = used;
	return length;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct fake_socket *s = need(fd, "recvmsg on a descriptor of the real world");

	if (flags & MSG_ERRQUEUE) {
		struct packet framed = { .length = FRAME_HEADERS + s->sent.length };

		if (!s->may_read_errors)
			violation("reading an error queue that poll did not name");
		s->may_read_errors = s->has_sent = false;
		memcpy(framed.data + FRAME_HEADERS, s->sent.data, s->sent.length);
		message->msg_flags = MSG_ERRQUEUE;
		return deliver(s, message, &framed, true, s->sent_at);
	}
	if (!s->may_read)
		violation("reading a socket that poll did not name, or twice");
	s->may_read = s->has_packet = false;
	return deliver(s, message, &s->packet, s->stamps_received, s->received_at);
}

/* ---- waiting ---- */

static struct pollfd *polled;
static nfds_t polled_count;

static bool is_polled(int fd)
{
	for (nfds_t i = 0; i < polled_count; i++)
		if (polled[i].fd == fd && polled[i].events & POLLIN)
			return find(fd) != NULL;
	return false;
}

/* Marks the first descriptor that is ready; the error queues come first. */
static int mark(void)
{
	for (int data = 0; data <= 1; data++) {
		for (nfds_t i = 0; i < polled_count; i++) {
			struct fake_socket *s = polled[i].fd < 0 ? NULL : find(polled[i].fd);

			if (s && !data && s->has_sent && polled[i].events & POLLPRI) {
				s->may_read_errors = true;
				polled[i].revents = POLLPRI;
				return 1;
			}
			if (s && data && s->has_packet && polled[i].events & POLLIN) {
				s->may_read = true;
				polled[i].revents = POLLIN;
				return 1;
			}
		}
	}
	return 0;
}

static void arrive(struct flight *flight)
{
	struct fake_socket *s = find(flight->fd);

	advance(flight->arrival);
	s->packet = flight->packet;
	s->received_at = realtime(0);
	s->has_packet = true;
	flight->used = false;
	advance(now + WAKE_DELAY);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	seconds deadline = timeout < 0 ? world_end : fminl(now + timeout * 1e-3L, world_end), before = now;
	struct flight *flight;
	int ready;

	polls++;
	for (nfds_t i = 0; i < count; i++) {
		fds[i].revents = 0;
		/* A program that starts may ask whether its standard streams are open. */
		if (fds[i].fd >= 0 && !find(fds[i].fd) && fds[i].events)
			violation("poll on a descriptor of the real world");
	}
	for (int i = 0; i < SOCKETS; i++)
		sockets[i].may_read = sockets[i].may_read_errors = false;
	polled = fds;
	polled_count = count;
	ready = mark();
	if (!ready && (flight = next_flight(deadline, is_polled))) {
		arrive(flight);
		ready = mark();
	} else if (!ready) {
		advance(deadline);
	}
	idle_polls = now > before || ready ? 0 : idle_polls + 1;
	if (idle_polls > 1000)
		violation("the loop spins without sleeping");
	if (!ready && now >= world_end) {
		if (polls_after_end++ > 3)
			violation("SIGTERM does not end the program");
		kill(getpid(), SIGTERM);
		return fail(EINTR);
	}
	return ready;
}
