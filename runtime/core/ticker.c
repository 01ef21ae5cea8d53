/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ticker.h"

#include <string.h>
#include <time.h>

#include "snakepit/time.h"

static struct timespec timespec_of(snp_mono_t t)
{
	return (struct timespec){.tv_sec = (time_t)(t.ns / SNP_NS_PER_S),
				 .tv_nsec = (long)(t.ns % SNP_NS_PER_S)};
}

/* Beats at fixed times, so that the lag of one does not move the next. */
static void *beat(void *arg)
{
	struct ticker *t = arg;
	snp_mono_t due = snp_mono_now();
	struct timespec until;
	uint64_t lag_ns = 0;

	pthread_mutex_lock(&t->mutex);
	while (!t->stop) {
		snp_writer_heartbeat(t->writer, lag_ns, t->live_threads);
		due = snp_mono_add_ms(due, t->interval_ms);
		if (due.ns <
		    snp_mono_now().ns) /* suspended or starved: do not catch up */
			due = snp_mono_now();
		until = timespec_of(due);
		while (!t->stop &&
		       pthread_cond_timedwait(&t->wake, &t->mutex, &until) == 0)
			;
		lag_ns = snp_mono_since_ns(snp_mono_now(), due);
	}
	pthread_mutex_unlock(&t->mutex);
	return NULL;
}

int ticker_start(struct ticker *t, struct snp_writer *writer, uint32_t interval_ms,
		 unsigned live_threads, struct snp_err *err)
{
	pthread_condattr_t attr;
	int rc;

	*t = (struct ticker){
	    .writer = writer, .interval_ms = interval_ms, .live_threads = live_threads};
	pthread_mutex_init(&t->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&t->thread, NULL, beat, t);
	if (rc)
		return snp_err_set(err, -rc, "cannot start the ticker thread: %s",
				   strerror(rc));
	t->running = true;
	(void)pthread_setname_np(t->thread, "snp-ticker");
	return 0;
}

void ticker_stop(struct ticker *t)
{
	if (!t->running)
		return;
	pthread_mutex_lock(&t->mutex);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->mutex);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->mutex);
	t->running = false;
}
