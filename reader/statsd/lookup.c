/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each question has a thread of its own, and belongs to both it and the lookup that
 * asked: whoever lets go last frees it. Not getaddrinfo_a(), whose threads sanitizers
 * cannot see.
 */
#include "lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/host_port.h"
#include "snakepit/check.h"
#include "snakepit/time.h"

struct question {
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];
	pthread_mutex_t mutex; /* protects what follows */
	pthread_cond_t answered;
	unsigned refs;
	bool done;
	int error;	       /* a negative errno, or 0 and */
	struct addrinfo *list; /* the answer, until it was taken */
};

struct lookup {
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];
	struct question *question; /* NULL: nothing is asked */
};

/* Numbers only, or whatever the resolver knows. */
static int resolve(const char *host, const char *port, int flags,
		   struct addrinfo **ret_list)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				       .ai_flags = AI_NUMERICSERV | flags};
	int gai;

	errno = 0;
	gai = getaddrinfo(host, port, &hints, ret_list);
	if (gai == EAI_SYSTEM && errno != 0)
		return -errno;
	return gai == 0 ? 0 : -EHOSTUNREACH;
}

static void let_go(struct question *q)
{
	bool last;

	SNP_CHECK(pthread_mutex_lock(&q->mutex) == 0);
	last = --q->refs == 0;
	SNP_CHECK(pthread_mutex_unlock(&q->mutex) == 0);
	if (!last)
		return;
	if (q->list)
		freeaddrinfo(q->list);
	(void)pthread_cond_destroy(&q->answered);
	(void)pthread_mutex_destroy(&q->mutex);
	free(q);
}

static void *answer(void *arg)
{
	struct question *q = arg;
	struct addrinfo *list = NULL;
	int error = resolve(q->host, q->port, 0, &list);

	SNP_CHECK(pthread_mutex_lock(&q->mutex) == 0);
	q->error = error;
	q->list = list;
	q->done = true;
	SNP_CHECK(pthread_cond_signal(&q->answered) == 0);
	SNP_CHECK(pthread_mutex_unlock(&q->mutex) == 0);
	let_go(q);
	return NULL;
}

/* Without signals: those belong to the thread that reads them. */
static int start(struct question *q)
{
	pthread_t thread;
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	SNP_CHECK(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
	rc = pthread_create(&thread, NULL, answer, q);
	SNP_CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	if (rc == 0)
		(void)pthread_detach(thread);
	return -rc;
}

static int ask(struct lookup *lookup)
{
	struct question *q = calloc(1, sizeof(*q));
	pthread_condattr_t monotonic;
	int rc;

	if (!q)
		return -ENOMEM;
	(void)snprintf(q->host, sizeof(q->host), "%s", lookup->host);
	(void)snprintf(q->port, sizeof(q->port), "%s", lookup->port);
	(void)pthread_mutex_init(&q->mutex, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&q->answered, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	q->refs = 2;
	rc = start(q);
	if (rc < 0) {
		q->refs = 1;
		let_go(q);
		return rc;
	}
	lookup->question = q;
	return 0;
}

int lookup_create(const char *host, const char *port, struct lookup **ret_lookup)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	(void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	(void)snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	*ret_lookup = lookup;
	return 0;
}

void lookup_destroy(struct lookup **lookup)
{
	if (*lookup && (*lookup)->question)
		let_go((*lookup)->question);
	free(*lookup);
	*lookup = NULL;
}

/* Whether the answer is there, after `wait_ms` at most. */
static bool is_answered(struct question *q, unsigned wait_ms)
{
	uint64_t until = snp_mono_add_ms(snp_mono_now(), wait_ms).ns;
	const struct timespec deadline = {.tv_sec = (time_t)(until / SNP_NS_PER_S),
					  .tv_nsec = (long)(until % SNP_NS_PER_S)};
	bool done;

	SNP_CHECK(pthread_mutex_lock(&q->mutex) == 0);
	while (!q->done &&
	       pthread_cond_timedwait(&q->answered, &q->mutex, &deadline) == 0)
		;
	done = q->done;
	SNP_CHECK(pthread_mutex_unlock(&q->mutex) == 0);
	return done;
}

int lookup_get(struct lookup *lookup, unsigned wait_ms, struct addrinfo **ret_list)
{
	struct question *q;
	int r;

	if (!lookup->question) {
		if (resolve(lookup->host, lookup->port, AI_NUMERICHOST, ret_list) == 0)
			return 0;
		r = ask(lookup);
		if (r < 0)
			return r;
	}
	q = lookup->question;
	if (!is_answered(q, wait_ms))
		return -EINPROGRESS;
	/* It is done: nobody else touches it. */
	r = q->error;
	*ret_list = q->list;
	q->list = NULL;
	lookup->question = NULL;
	let_go(q);
	return r;
}
