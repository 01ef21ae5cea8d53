/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - tell the service manager how it goes: sd_notify(3) over the socket that it
 * names, without its library.
 *
 * Where NOTIFY_SOCKET is not set all of it does nothing, nor does it for NULL. A
 * datagram that the manager does not take at once is dropped, but for READY=1, which is
 * tried again. One thread.
 */
#ifndef SNAKEPIT_RUNTIME_NOTIFY_H
#define SNAKEPIT_RUNTIME_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "snakepit/err.h"
#include "snakepit/time.h"

struct notify {
	int fd; /* -1: nobody to tell */
	struct sockaddr_un address;
	socklen_t address_len;
	uint64_t watchdog_ns; /* between two signs of life; 0: none is wanted */
	snp_mono_t next_sign;
	bool ready;				/* has been said */
	uint32_t workers_ready, workers_wanted; /* as said last */
};

/* From NOTIFY_SOCKET and WATCHDOG_USEC, which are taken out of the environment: workers
 * are not asked. Before the process has threads. -EINVAL: they make no sense; *notify
 * is then, as without them, good for nothing. */
int notify_open(struct notify *notify, struct snp_err *err);
void notify_close(struct notify *notify);

/* How it stands (NULL: stopping); says what has changed, and WATCHDOG=1 when it is due.
 * Call it at least when notify_next() has come. */
struct notify_state {
	bool serving; /* each pool has a worker that takes requests */
	uint32_t workers_ready, workers_wanted;
};
void notify_turn(struct notify *notify, const struct notify_state *state,
		 snp_mono_t now);

/* .ns == UINT64_MAX: nothing is due. */
snp_mono_t notify_next(const struct notify *notify);

/* The configuration is being read again; notify_reloaded() when that is over. */
void notify_reloading(struct notify *notify, snp_mono_t now);
void notify_reloaded(struct notify *notify);

/* Stopping, which may take this long. */
void notify_stopping(struct notify *notify, uint64_t budget_ms);

#endif
