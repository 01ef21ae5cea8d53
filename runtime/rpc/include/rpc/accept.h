/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h - our own listening sockets, for rpc_server_add_fd().
 *
 * gRPC's listener of this version stops for good when accept() once fails for want of
 * descriptors, and silently takes over a unix path that another process serves. Hence
 * this one: it pauses and goes on, caps the number of connections, knows who connected,
 * and never steals a path.
 *
 * Nothing here has a thread: the owner watches rpc_listener_fd() for EPOLLIN in its
 * epoll and calls rpc_listener_on_readable(). That descriptor never changes; it is an
 * epoll of its own over the socket, the pause timer and one descriptor for each live
 * connection (a connection therefore costs two). One thread at a time, except stats.
 */
#ifndef RPC_ACCEPT_H
#define RPC_ACCEPT_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/err.h"

#define RPC_UNIX_PATH_MAX 107 /* bytes without the NUL: what the kernel takes */

struct rpc_listener;

/* A connection that passed the checks; `fd` now belongs to the callee. Non-blocking,
 * close-on-exec, TCP_NODELAY where it applies. */
typedef void (*rpc_accept_fn)(void *user, int fd);

enum rpc_listen_reach {
	RPC_LISTEN_LOOPBACK, /* other addresses are refused */
	RPC_LISTEN_ANYWHERE, /* what comes is encrypted, or somebody has answered for it
			      */
};

#define RPC_LISTENER_CONNECTIONS_DEFAULT 1024

/* Zero means the default in brackets. */
struct rpc_listener_opts {
	enum rpc_listen_reach reach; /* TCP */
	/* More are accepted and closed at once [RPC_LISTENER_CONNECTIONS_DEFAULT]. */
	uint32_t max_connections;
	uint32_t pause_ms; /* when descriptors or memory ran out [100] */
	rpc_accept_fn on_connection;
	void *user;
};

/* Listen on "unix:/absolute/path", or on "address:port" or "[address]:port" (port 0
 * picks one). Addresses are numbers, or "localhost".
 *
 * Unix: the directory is made with mode 0700 if it is missing; an existing one must be
 * ours or root's and not writable by others. The socket has mode 0600 from its birth.
 * "<path>.lock" is held with flock() for the life of the listener; a socket left by a
 * dead process is replaced. Only peers of our own uid or root are accepted.
 *
 * -EINVAL malformed, out of reach, or too long; -EADDRINUSE another process serves it;
 * -EEXIST the path is there and is not a socket; -EPERM unsafe directory; or an errno
 * of the system call that failed. */
int rpc_listener_create(const char *address, const struct rpc_listener_opts *opts,
			struct rpc_listener **ret_listener, struct snp_err *err);

/* Is the address one that could be listened on? -EINVAL as above; a unix address is not
 * looked at. */
int rpc_listener_check(const char *address, enum rpc_listen_reach reach,
		       struct snp_err *err);

/* Close; a unix path and its lock file are removed. Connections handed out live on. */
void rpc_listener_destroy(struct rpc_listener **listener);

/* In the child of a fork: let go of the address, which otherwise would look served as
 * long as the child lives. Two system calls, nothing else. */
void rpc_listener_forget(const struct rpc_listener *listener);

/* Readable when rpc_listener_on_readable() has work. Borrowed: never close or read it.
 */
int rpc_listener_fd(const struct rpc_listener *listener);

/* Accept what is waiting (a bounded number, so a flood cannot hold the thread; the fd
 * stays readable), count what went away. Never blocks. */
void rpc_listener_on_readable(struct rpc_listener *listener);

/* The bound address in the form rpc_channel_create() takes, with the real port. */
const char *rpc_listener_address(const struct rpc_listener *listener);

struct rpc_listener_stats {
	uint64_t accepted;    /* handed to on_connection */
	uint64_t refused_uid; /* not our user */
	uint64_t refused_cap; /* over max_connections */
	uint64_t pauses;      /* waits for descriptors or memory */
	uint64_t live;	      /* connections now */
};

/* Any thread; each number is exact, together they are a moment apart. */
void rpc_listener_stats(const struct rpc_listener *listener,
			struct rpc_listener_stats *ret_stats);

#endif
