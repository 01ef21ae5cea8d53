/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heaps.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/thread.h"

#define LARGEST_KEPT   ((size_t)8 << 20)
#define SPARE_BYTES    ((size_t)1 << 20) /* left at the end of the first heap */
#define TRIM_PERIOD_MS 10000

/* glibc gives threads heaps of their own, up to eight a processor, and what is free in
 * one is of no use to the others: every new mixture of load over gRPC's threads would
 * raise the memory that is held.
 *
 * It also maps large pieces afresh each time, with a fault for every page, until one of
 * about their size was freed: here one is, never touched. From then on it keeps twice
 * as much; heaps_start() bounds for how long. */
void heaps_settle(uint32_t most)
{
	void *volatile large;

	if (!getenv("MALLOC_ARENA_MAX"))
		(void)mallopt(M_ARENA_MAX, (int)most);
	large = malloc(LARGEST_KEPT);
	free(large);
}

static bool stopped_before(struct heaps *heaps, snp_mono_t due)
{
	const struct timespec until = {.tv_sec = (time_t)(due.ns / SNP_NS_PER_S),
				       .tv_nsec = (long)(due.ns % SNP_NS_PER_S)};
	int rc;

	do
		rc = sem_clockwait(&heaps->stop, CLOCK_MONOTONIC, &until);
	while (rc < 0 && errno == EINTR);
	return rc == 0;
}

static void *run(void *arg)
{
	struct heaps *heaps = arg;

	(void)pthread_setname_np(pthread_self(), "snp-heaps");
	thread_begin(NULL);
	/* A heap is locked while its free pieces are walked: less than a millisecond
	 * for what a period leaves behind. */
	while (!stopped_before(heaps, snp_mono_add_ms(snp_mono_now(), TRIM_PERIOD_MS)))
		(void)malloc_trim(SPARE_BYTES);
	thread_end(NULL);
	return NULL;
}

int heaps_start(struct heaps *heaps, struct snp_err *err)
{
	int rc;

	*heaps = (struct heaps){0};
	(void)sem_init(&heaps->stop, 0, 0);
	rc = pthread_create(&heaps->thread, NULL, run, heaps);
	if (rc) {
		(void)sem_destroy(&heaps->stop);
		return snp_err_set(err, -rc,
				   "cannot start the thread that gives back memory: %s",
				   strerror(rc));
	}
	heaps->running = true;
	return 0;
}

void heaps_stop(struct heaps *heaps)
{
	if (!heaps->running)
		return;
	(void)sem_post(&heaps->stop);
	pthread_join(heaps->thread, NULL);
	(void)sem_destroy(&heaps->stop);
	heaps->running = false;
}
