/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_fixture.h - what several rpc tests share: waiting, a temporary directory, and an
 * accept thread that feeds a server from a listener.
 */
#ifndef RPC_FIXTURE_H
#define RPC_FIXTURE_H

#include "snp_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rpc/accept.h"
#include "rpc/loop.h"
#include "rpc/server.h"
#include "snakepit/time.h"

#define WAIT_MS SNP_TEST_DEADLINE_MS

/* A latch: counts up, and a thread waits until it has reached a number. */
struct latch {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned count;
};

#define LATCH_INIT                                                                     \
	{                                                                              \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                 \
	}

static inline void latch_up(struct latch *latch)
{
	pthread_mutex_lock(&latch->mutex);
	latch->count++;
	pthread_cond_broadcast(&latch->cond);
	pthread_mutex_unlock(&latch->mutex);
}

/* False if `count` was not reached within `ms`. */
static inline bool latch_wait_ms(struct latch *latch, unsigned count, unsigned ms)
{
	struct timespec until;
	int rc = 0;
	bool reached;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&latch->mutex);
	while (latch->count < count && rc == 0)
		rc = pthread_cond_timedwait(&latch->cond, &latch->mutex, &until);
	reached = latch->count >= count;
	pthread_mutex_unlock(&latch->mutex);
	return reached;
}

#define latch_wait(latch, count) assert_true(latch_wait_ms((latch), (count), WAIT_MS))

/* Poll a condition that nobody signals, with a deadline. */
#define wait_until(condition)                                                          \
	do {                                                                           \
		snp_mono_t until_ = snp_mono_add_ms(snp_mono_now(), WAIT_MS);          \
		while (!(condition)) {                                                 \
			if (snp_mono_now().ns > until_.ns)                             \
				fail_msg("waited in vain for %s", #condition);         \
			usleep(500);                                                   \
		}                                                                      \
	} while (0)

/* ---- A temporary directory ----------------------------------------------- */

struct temp_dir {
	char path[64];
};

static inline void temp_dir_make(struct temp_dir *dir)
{
	strcpy(dir->path, "/tmp/snp-rpc-test-XXXXXX");
	assert_non_null(mkdtemp(dir->path));
}

/* Fails if something was left behind in it. */
static inline void temp_dir_remove(const struct temp_dir *dir)
{
	assert_int_equal(rmdir(dir->path), 0);
}

/* ---- Accept thread ------------------------------------------------------- */

struct acceptor {
	struct rpc_listener *listener;
	int stop_fd, epoll_fd;
	pthread_t thread;
};

static inline void *acceptor_main(void *arg)
{
	struct acceptor *a = arg;

	for (;;) {
		struct epoll_event events[2];
		int n = epoll_wait(a->epoll_fd, events, 2, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == a->stop_fd)
				return NULL;
			rpc_listener_on_readable(a->listener);
		}
	}
}

static inline void acceptor_start(struct acceptor *a, const char *address,
				  const struct rpc_listener_opts *opts)
{
	struct snp_err err = {0};
	struct epoll_event event = {.events = EPOLLIN};

	if (rpc_listener_create(address, opts, &a->listener, &err) < 0)
		fail_msg("%s", err.msg);
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	a->stop_fd = eventfd(0, EFD_CLOEXEC);
	event.data.fd = a->stop_fd;
	assert_int_equal(epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->stop_fd, &event), 0);
	event.data.fd = rpc_listener_fd(a->listener);
	assert_int_equal(
	    epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, rpc_listener_fd(a->listener), &event),
	    0);
	assert_int_equal(pthread_create(&a->thread, NULL, acceptor_main, a), 0);
}

static inline void acceptor_stop(struct acceptor *a)
{
	assert_int_equal(eventfd_write(a->stop_fd, 1), 0);
	assert_int_equal(pthread_join(a->thread, NULL), 0);
	rpc_listener_destroy(&a->listener);
	close(a->stop_fd);
	close(a->epoll_fd);
}

/* ---- Servers ------------------------------------------------------------- */

static inline void accept_into_server(void *user, int fd)
{
	(void)rpc_server_add_fd(user, fd);
}

static inline void on_server_stopped(void *user)
{
	latch_up(user);
}

static inline void server_stop(struct rpc_server **server, unsigned grace_ms)
{
	struct latch stopped = LATCH_INIT;

	rpc_server_shutdown(*server, grace_ms, on_server_stopped, &stopped);
	latch_wait(&stopped, 1);
	rpc_server_destroy(server);
}

static inline void log_to_stderr(enum rpc_log_level level, const char *text)
{
	fprintf(stderr, "grpc[%d]: %s\n", (int)level, text);
}

#endif
