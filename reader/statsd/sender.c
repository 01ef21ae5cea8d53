/* SPDX-License-Identifier: Apache-2.0 */
#include "sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lookup.h"

/* A burst that a receiver's default buffer holds, and the pause after it. */
#define BURST_DATAGRAMS 64
#define BURST_PAUSE_NS	1000000

struct sender {
	struct address address;
	int fd;	   /* -1 = not open */
	int error; /* why it is not */
	struct sockaddr_storage peer;
	socklen_t peer_len;
	bool local;	       /* UDP: refusals are known at once */
	struct lookup *lookup; /* NULL: a unix socket */
	snp_mono_t resolved;
	bool refused;	 /* since it was resolved */
	unsigned choice; /* which of the name's addresses */
	unsigned burst;	 /* datagrams since the last pause */
	snp_mono_t wait_until;
	bool waited;
	uint64_t late_losses;
	char name[SENDER_NAME_BYTES];
};

static bool is_unix(const struct sender *sender)
{
	return sender->address.path[0] != '\0';
}

int sender_create(const struct address *address, struct sender **ret_sender)
{
	struct sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return -ENOMEM;
	sender->address = *address;
	sender->fd = -1;
	sender->error = -ENOTCONN;
	if (is_unix(sender))
		(void)snprintf(sender->name, sizeof(sender->name), "unix %s",
			       address->path);
	else
		(void)snprintf(sender->name, sizeof(sender->name), "udp %s:%s",
			       address->host, address->port);
	if (!is_unix(sender) &&
	    lookup_create(sender->address.host, sender->address.port, &sender->lookup) <
		0) {
		free(sender);
		return -ENOMEM;
	}
	*ret_sender = sender;
	return 0;
}

static void shut(struct sender *sender)
{
	if (sender->fd >= 0)
		(void)close(sender->fd);
	sender->fd = -1;
}

void sender_destroy(struct sender **sender)
{
	if (!*sender)
		return;
	shut(*sender);
	lookup_destroy(&(*sender)->lookup);
	free(*sender);
	*sender = NULL;
}

/* ---- opening ------------------------------------------------------------- */

static int connect_to(struct sender *sender, const struct sockaddr *peer, socklen_t len)
{
	int fd = socket(peer->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, peer, len) < 0) {
		sender->error = -errno;
		if (fd >= 0)
			(void)close(fd);
		return sender->error;
	}
	shut(sender);
	sender->fd = fd;
	memcpy(&sender->peer, peer, len);
	sender->peer_len = len;
	return 0;
}

static int open_unix(struct sender *sender)
{
	struct sockaddr_un peer = {.sun_family = AF_UNIX};

	shut(sender);
	memcpy(peer.sun_path, sender->address.path, sizeof(peer.sun_path));
	return connect_to(sender, (const struct sockaddr *)&peer, sizeof(peer));
}

/* Whether the kernel delivers to the peer within send(): then an error behind it is of
 * that datagram. */
static bool is_local(const struct sender *sender)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} own = {.v6 = {0}}, peer = {.v6 = {0}};
	socklen_t len = sizeof(own);

	if (sender->peer_len > sizeof(peer) ||
	    getsockname(sender->fd, &own.any, &len) < 0)
		return false;
	memcpy(&peer, &sender->peer, sender->peer_len);
	if (peer.any.sa_family == AF_INET6)
		return memcmp(&own.v6.sin6_addr, &peer.v6.sin6_addr,
			      sizeof(own.v6.sin6_addr)) == 0;
	return ntohl(peer.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ||
	       own.v4.sin_addr.s_addr == peer.v4.sin_addr.s_addr;
}

static void name_peer(struct sender *sender)
{
	char host[INET6_ADDRSTRLEN], port[8];
	bool v6 = sender->peer.ss_family == AF_INET6;

	if (getnameinfo((const struct sockaddr *)&sender->peer, sender->peer_len, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		(void)snprintf(sender->name, sizeof(sender->name),
			       v6 ? "udp [%s]:%s" : "udp %s:%s", host, port);
}

static bool is_peer(const struct sender *sender, const struct addrinfo *info)
{
	return sender->fd >= 0 && sender->peer_len == info->ai_addrlen &&
	       memcmp(&sender->peer, info->ai_addr, info->ai_addrlen) == 0;
}

/* Open the first usable one of the addresses, counted from the one it is the turn of.
 */
static int open_any(struct sender *sender, const struct addrinfo *list)
{
	const struct addrinfo *info = list;
	unsigned nr = 0;
	int r = -EHOSTUNREACH;

	for (; info; info = info->ai_next)
		nr++;
	for (unsigned i = 0; i < nr && r < 0; i++) {
		info = list;
		for (unsigned skip = (sender->choice + i) % nr; skip > 0; skip--)
			info = info->ai_next;
		r = is_peer(sender, info)
			? 0
			: connect_to(sender, info->ai_addr, info->ai_addrlen);
	}
	return r;
}

static int resolve(struct sender *sender, snp_mono_t now)
{
	struct addrinfo *list = NULL;
	int r = lookup_get(sender->lookup, sender->fd < 0 ? SENDER_WAIT_MS : 0, &list);

	if (r != -EINPROGRESS)
		sender->resolved = now;
	if (r < 0) {
		/* What it was is better than nothing. */
		if (sender->fd >= 0)
			return 0;
		sender->error = r;
		return r;
	}
	if (sender->refused)
		sender->choice++;
	sender->refused = false;
	r = open_any(sender, list);
	freeaddrinfo(list);
	if (r < 0)
		return r;
	sender->local = is_local(sender);
	name_peer(sender);
	return 0;
}

int sender_begin(struct sender *sender, snp_mono_t now)
{
	sender->waited = false;
	sender->burst = 0;
	if (is_unix(sender))
		return sender->fd >= 0 ? 0 : open_unix(sender);
	if (sender->fd >= 0 && !sender->refused &&
	    snp_mono_since_ns(now, sender->resolved) <
		SENDER_RESOLVE_MS * SNP_NS_PER_MS)
		return 0;
	return resolve(sender, now);
}

/* ---- sending ------------------------------------------------------------- */

static int try_send(const struct sender *sender, const char *datagram, size_t len)
{
	ssize_t n;

	do {
		n = send(sender->fd, datagram, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Until the receiver has read something, or the time for that is used up. */
static bool wait_for_room(struct sender *sender)
{
	struct pollfd room = {.fd = sender->fd, .events = POLLOUT};
	snp_mono_t now = snp_mono_now();

	if (!sender->waited)
		sender->wait_until = snp_mono_add_ms(now, SENDER_WAIT_MS);
	sender->waited = true;
	if (now.ns >= sender->wait_until.ns)
		return false;
	return poll(&room, 1,
		    1 + (int)((sender->wait_until.ns - now.ns) / SNP_NS_PER_MS)) > 0;
}

static int send_unix(struct sender *sender, const char *datagram, size_t len)
{
	int r = sender->fd >= 0 ? try_send(sender, datagram, len) : -ENOTCONN;

	/* Another receiver may have bound the path meanwhile. */
	if (r == -ECONNREFUSED || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE) {
		r = open_unix(sender);
		if (r == 0)
			r = try_send(sender, datagram, len);
	}
	while (r == -EAGAIN && wait_for_room(sender))
		r = try_send(sender, datagram, len);
	return r;
}

static int pending_error(const struct sender *sender)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(sender->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static int send_udp(struct sender *sender, const char *datagram, size_t len)
{
	static const struct timespec pause = {.tv_nsec = BURST_PAUSE_NS};
	int r;

	if (sender->fd < 0)
		return sender->error;
	if (++sender->burst % BURST_DATAGRAMS == 0)
		(void)nanosleep(&pause, NULL);
	/* An error that waits is of an earlier datagram, and would stop this one. */
	if (pending_error(sender) < 0) {
		sender->late_losses++;
		sender->refused = true;
	}
	r = try_send(sender, datagram, len);
	if (r == 0 && sender->local)
		r = pending_error(sender);
	if (r < 0 && r != -EMSGSIZE)
		sender->refused = true;
	return r;
}

int sender_send(struct sender *sender, const char *datagram, size_t len)
{
	return is_unix(sender) ? send_unix(sender, datagram, len)
			       : send_udp(sender, datagram, len);
}

uint64_t sender_late_losses(const struct sender *sender)
{
	return sender->late_losses;
}

const char *sender_name(const struct sender *sender)
{
	return sender->name;
}
