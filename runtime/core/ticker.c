/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ticker.h"

#include <string.h>
#include <time.h>

#include "core/thread.h"

static struct timespec timespec_of(snp_mono_t t)
{
	return (struct timespec){.tv_sec = (time_t)(t.ns / SNP_NS_PER_S),
				 .tv_nsec = (long)(t.ns % SNP_NS_PER_S)};
}

/* At each beat while that is cheap enough. Not "an interval after the last one": beats
 * come a little early or late, and every other one would be left out. */
static void snap(struct ticker *t, snp_mono_t now)
{
	uint64_t pause_ns;

	if (now.ns < t->snap_after.ns)
		return;
	snp_writer_snap(t->writer);
	pause_ns = TICKER_SNAP_SHARE * snp_mono_since_ns(t->clock(), now);
	t->snap_after.ns =
	    pause_ns > t->interval_ms * SNP_NS_PER_MS ? now.ns + pause_ns : 0;
}

void ticker_beat(struct ticker *t, uint64_t lag_ns)
{
	snp_mono_t now;

	snp_writer_heartbeat(t->writer, lag_ns, threads_alive());
	now = t->clock();
	snap(t, now);
	snp_writer_sample(t->writer, now);
}

/* Beats at fixed times, so that the lag of one does not move the next. */
static void *run(void *arg)
{
	struct ticker *t = arg;
	snp_mono_t due = t->clock();
	struct timespec until;
	uint64_t lag_ns = 0;

	(void)pthread_setname_np(pthread_self(), "snp-ticker");
	thread_begin(NULL);
	pthread_mutex_lock(&t->mutex);
	while (!t->stop) {
		ticker_beat(t, lag_ns);
		due = snp_mono_add_ms(due, t->interval_ms);
		/* Suspended or starved: do not catch up. */
		if (due.ns < t->clock().ns)
			due = t->clock();
		until = timespec_of(due);
		while (!t->stop &&
		       pthread_cond_timedwait(&t->wake, &t->mutex, &until) == 0)
			;
		lag_ns = snp_mono_since_ns(t->clock(), due);
	}
	pthread_mutex_unlock(&t->mutex);
	thread_end(NULL);
	return NULL;
}

static void release(struct ticker *t)
{
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->mutex);
}

int ticker_start(struct ticker *t, struct snp_writer *writer, uint32_t interval_ms,
		 struct snp_err *err)
{
	pthread_condattr_t attr;
	int rc;

	*t = (struct ticker){
	    .writer = writer, .interval_ms = interval_ms, .clock = snp_mono_now};
	pthread_mutex_init(&t->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&t->thread, NULL, run, t);
	if (rc) {
		release(t);
		return snp_err_set(err, -rc, "cannot start the ticker thread: %s",
				   strerror(rc));
	}
	t->running = true;
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
	release(t);
	t->running = false;
}
