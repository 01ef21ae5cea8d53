/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - an epoll set of descriptors with a function each: the supervisor's ears.
 *
 * One thread. A descriptor is taken out before it is closed (watch_remove), always: a
 * spawned child may still share its description for a moment, and would keep a
 * forgotten registration alive on a number that means something else by then.
 */
#ifndef SNAKEPIT_RUNTIME_WATCH_H
#define SNAKEPIT_RUNTIME_WATCH_H

#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/time.h"
#include "snakepit/write.h"

struct watch {
	int fd; /* -1 = not watched; borrowed */
	void (*fn)(struct watch *watch);
	void *user;
	uint64_t added; /* the turn in which it was */
};

struct watcher {
	int epoll_fd;
	uint64_t turn;
	struct snp_bank *bank; /* of the thread, told when it waits; may be NULL */
};

int watcher_init(struct watcher *watcher, struct snp_err *err);
void watcher_fini(struct watcher *watcher);

/* Call watch->fn whenever `fd` is readable or at its end. Embed the watch; it must stay
 * until it is removed. */
int watch_add(struct watcher *watcher, struct watch *watch, int fd,
	      void (*fn)(struct watch *watch), void *user);
/* No more calls, not even for what this turn has found already. Idempotent. */
void watch_remove(struct watcher *watcher, struct watch *watch);

/* One turn: wait until something is readable or `deadline` (.ns == UINT64_MAX: no end),
 * call what belongs to it. A function may remove any watch, and add it again: it is
 * then heard from the next turn on. */
void watcher_turn(struct watcher *watcher, snp_mono_t deadline);

#endif
