/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/thread.h"

#define EVENTS_PER_TURN 64

int watcher_init(struct watcher *watcher, struct snp_err *err)
{
	watcher->turn = 0;
	watcher->bank = NULL;
	watcher->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return watcher->epoll_fd < 0 ? snp_err_errno(err, "cannot create an epoll set")
				     : 0;
}

void watcher_fini(struct watcher *watcher)
{
	if (watcher->epoll_fd >= 0)
		close(watcher->epoll_fd);
	watcher->epoll_fd = -1;
}

int watch_add(struct watcher *watcher, struct watch *watch, int fd,
	      void (*fn)(struct watch *watch), void *user)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	*watch =
	    (struct watch){.fd = fd, .fn = fn, .user = user, .added = watcher->turn};
	if (epoll_ctl(watcher->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		watch->fd = -1;
		return -errno;
	}
	return 0;
}

void watch_remove(struct watcher *watcher, struct watch *watch)
{
	if (watch->fd < 0)
		return;
	(void)epoll_ctl(watcher->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
}

static int timeout_ms(snp_mono_t deadline)
{
	uint64_t ns;

	if (deadline.ns == UINT64_MAX)
		return -1;
	ns = snp_mono_since_ns(deadline, snp_mono_now());
	/* Round up: waking a moment early would spin until the deadline. */
	ns = (ns + SNP_NS_PER_MS - 1) / SNP_NS_PER_MS;
	return ns > INT_MAX ? INT_MAX : (int)ns;
}

void watcher_turn(struct watcher *watcher, snp_mono_t deadline)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n;

	if (watcher->bank)
		thread_idle(watcher->bank);
	n = epoll_wait(watcher->epoll_fd, events, EVENTS_PER_TURN,
		       timeout_ms(deadline));
	if (watcher->bank)
		thread_busy(watcher->bank);

	/* A watch that an earlier function of this turn removed has fd -1, and one that
	 * was also added again is new: what was found belongs to its old descriptor.
	 * The objects stay allocated as long as the watcher (worker slots, listeners).
	 */
	watcher->turn++;
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->fd >= 0 && watch->added != watcher->turn)
			watch->fn(watch);
	}
}
