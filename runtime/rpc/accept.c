/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll holds three kinds of descriptors, told apart by the pointer each carries:
 * the listening socket (NULL), the pause timer (the listener itself) and a duplicate of
 * each connection's socket, whose hang-up says that the connection is over; gRPC, which
 * owns the original, has no way to tell. A duplicate does not keep a connection alive:
 * gRPC ends one with shutdown() before it closes.
 *
 * While no descriptor or memory can be had, the listening socket is out of the epoll
 * (it would be readable without end) and the timer is armed to put it back.
 */
#include "rpc/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <fcntl.h>

#include "bind.h"
#include "snakepit/check.h"

#define EVENTS_A_TURN  64
#define ACCEPTS_A_TURN 64

struct connection {
	struct connection *prev, *next;
	int fd; /* the duplicate */
};

struct rpc_listener {
	struct rpc_listener_opts opts;
	struct rpc__bound bound;
	int epoll_fd;
	int timer_fd;
	bool is_paused;
	struct connection connections; /* ring; this is its head */
	struct connection *graveyard;  /* removed in this turn, freed at its end */

	/* writer: the owner's thread | readers: rpc_listener_stats() | order: relaxed
	 */
	_Atomic uint64_t accepted, refused_uid, refused_cap, pauses, live;
};

static void bump(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static int watch(struct rpc_listener *listener, int fd, uint32_t events, void *who)
{
	struct epoll_event event = {.events = events, .data.ptr = who};

	return epoll_ctl(listener->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno
									    : 0;
}

/* Always before close(): a process being started may still hold the description, and
 * its registration would outlive our descriptor. */
static void unwatch(struct rpc_listener *listener, int fd)
{
	(void)epoll_ctl(listener->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- Connections --------------------------------------------------------- */

static int add_connection(struct rpc_listener *listener, int fd)
{
	struct connection *c = malloc(sizeof(*c)), *head = &listener->connections;
	int rc;

	if (!c)
		return -ENOMEM;
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->fd < 0) {
		rc = -errno;
		free(c);
		return rc;
	}
	rc = watch(listener, c->fd, EPOLLRDHUP, c);
	if (rc < 0) {
		(void)close(c->fd);
		free(c);
		return rc;
	}
	c->prev = head->prev;
	c->next = head;
	c->prev->next = c;
	head->prev = c;
	bump(&listener->live);
	return 0;
}

/* Freed later: the events of this turn may name it again. */
static void remove_connection(struct rpc_listener *listener, struct connection *c)
{
	if (c->fd < 0)
		return;
	unwatch(listener, c->fd);
	(void)close(c->fd);
	c->fd = -1;
	c->prev->next = c->next;
	c->next->prev = c->prev;
	c->next = listener->graveyard;
	listener->graveyard = c;
	atomic_fetch_sub_explicit(&listener->live, 1, memory_order_relaxed);
}

static void empty_graveyard(struct rpc_listener *listener)
{
	while (listener->graveyard) {
		struct connection *next = listener->graveyard->next;

		free(listener->graveyard);
		listener->graveyard = next;
	}
}

/* ---- Accepting ----------------------------------------------------------- */

static bool is_ours(const struct rpc_listener *listener, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (listener->bound.family != RPC__UNIX)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == geteuid() || cred.uid == 0;
}

static void pause_accepting(struct rpc_listener *listener)
{
	uint32_t ms = listener->opts.pause_ms;
	const struct itimerspec in = {
	    .it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
	};

	listener->is_paused = true;
	bump(&listener->pauses);
	unwatch(listener, listener->bound.fd);
	SNP_CHECK(timerfd_settime(listener->timer_fd, 0, &in, NULL) == 0);
}

static void resume_accepting(struct rpc_listener *listener)
{
	uint64_t expirations;

	if (read(listener->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	listener->is_paused = false;
	if (watch(listener, listener->bound.fd, EPOLLIN, NULL) < 0)
		pause_accepting(listener);
}

static void admit(struct rpc_listener *listener, int fd)
{
	const int on = 1;

	if (!is_ours(listener, fd)) {
		bump(&listener->refused_uid);
		(void)close(fd);
		return;
	}
	if (atomic_load_explicit(&listener->live, memory_order_relaxed) >=
	    listener->opts.max_connections) {
		bump(&listener->refused_cap);
		(void)close(fd);
		return;
	}
	if (add_connection(listener, fd) < 0) {
		(void)close(fd);
		pause_accepting(listener);
		return;
	}
	if (listener->bound.family == RPC__TCP)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bump(&listener->accepted);
	listener->opts.on_connection(listener->opts.user, fd);
}

static void accept_waiting(struct rpc_listener *listener)
{
	for (int i = 0; i < ACCEPTS_A_TURN && !listener->is_paused; i++) {
		int fd = accept4(listener->bound.fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(listener, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			pause_accepting(listener);
		} else if (errno == EAGAIN) {
			return;
		}
		/* else that one connection failed before we took it: on to the next */
	}
}

void rpc_listener_on_readable(struct rpc_listener *listener)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(listener->epoll_fd, events, EVENTS_A_TURN, 0);
	bool can_accept = false;

	/* Hang-ups first: they free descriptors and room under the cap. */
	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			can_accept = true;
		else if (events[i].data.ptr == listener)
			resume_accepting(listener);
		else
			remove_connection(listener, events[i].data.ptr);
	}
	if (can_accept)
		accept_waiting(listener);
	empty_graveyard(listener);
}

/* ---- Life ---------------------------------------------------------------- */

static int open_descriptors(struct rpc_listener *listener, const char *address,
			    struct snp_err *err)
{
	int rc;

	listener->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (listener->epoll_fd < 0)
		return snp_err_errno(err, "cannot make an epoll");
	listener->timer_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (listener->timer_fd < 0)
		return snp_err_errno(err, "cannot make a timer");
	rc = rpc__bind(address, listener->opts.reach, &listener->bound, err);
	if (rc < 0)
		return rc;
	rc = watch(listener, listener->bound.fd, EPOLLIN, NULL);
	if (rc == 0)
		rc = watch(listener, listener->timer_fd, EPOLLIN, listener);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot watch a socket: %s", strerror(-rc));
	return 0;
}

int rpc_listener_create(const char *address, const struct rpc_listener_opts *opts,
			struct rpc_listener **ret_listener, struct snp_err *err)
{
	struct rpc_listener *listener = calloc(1, sizeof(*listener));
	int rc;

	if (!listener)
		return snp_err_set(err, -ENOMEM, "out of memory for a listener");
	listener->opts = *opts;
	if (!listener->opts.max_connections)
		listener->opts.max_connections = RPC_LISTENER_CONNECTIONS_DEFAULT;
	if (!listener->opts.pause_ms)
		listener->opts.pause_ms = 100;
	listener->epoll_fd = -1;
	listener->timer_fd = -1;
	listener->bound.fd = -1;
	listener->bound.lock_fd = -1;
	listener->connections.prev = &listener->connections;
	listener->connections.next = &listener->connections;
	rc = open_descriptors(listener, address, err);
	if (rc < 0) {
		rpc_listener_destroy(&listener);
		return rc;
	}
	*ret_listener = listener;
	return 0;
}

void rpc_listener_destroy(struct rpc_listener **listener_ptr)
{
	struct rpc_listener *listener = *listener_ptr;

	if (!listener)
		return;
	*listener_ptr = NULL;
	while (listener->connections.next != &listener->connections)
		remove_connection(listener, listener->connections.next);
	empty_graveyard(listener);
	if (listener->bound.fd >= 0)
		unwatch(listener, listener->bound.fd);
	rpc__unbind(&listener->bound);
	if (listener->timer_fd >= 0)
		(void)close(listener->timer_fd);
	if (listener->epoll_fd >= 0)
		(void)close(listener->epoll_fd);
	free(listener);
}

void rpc_listener_forget(const struct rpc_listener *listener)
{
	if (listener->bound.fd >= 0)
		(void)close(listener->bound.fd);
	if (listener->bound.lock_fd >= 0)
		(void)close(listener->bound.lock_fd);
}

int rpc_listener_fd(const struct rpc_listener *listener)
{
	return listener->epoll_fd;
}

const char *rpc_listener_address(const struct rpc_listener *listener)
{
	return listener->bound.address;
}

void rpc_listener_stats(const struct rpc_listener *listener,
			struct rpc_listener_stats *ret_stats)
{
	*ret_stats = (struct rpc_listener_stats){
	    .accepted = atomic_load_explicit(&listener->accepted, memory_order_relaxed),
	    .refused_uid =
		atomic_load_explicit(&listener->refused_uid, memory_order_relaxed),
	    .refused_cap =
		atomic_load_explicit(&listener->refused_cap, memory_order_relaxed),
	    .pauses = atomic_load_explicit(&listener->pauses, memory_order_relaxed),
	    .live = atomic_load_explicit(&listener->live, memory_order_relaxed),
	};
}
