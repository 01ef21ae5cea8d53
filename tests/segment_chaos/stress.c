/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress - all kinds of threads on one segment at once: two that count, one that
 * retires and recycles rows, one ticker, readers in this process and the judge of
 * sane.h.
 *
 *   stress DIR SECONDS [no-grace]
 *
 * Goes on for a while longer where a busy machine has let too little happen by then.
 * The readers use the writer's own mapping, so that the thread sanitizer sees writer
 * and reader at the same addresses; across processes they would be two. `no-grace`
 * leaves the grace period out, which the judge must find: then the exit status is 1.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reader_private.h"
#include "sane.h"
#include "scripted_writer.h"
#include "snakepit/check.h"
#include "writer_private.h"

enum { NO_TOOL = UINT32_MAX };

/* Counts between two quiescent states: long enough (about a millisecond) for a reader
 * to look twice meanwhile, or it could not see a row counted in after it was retired.
 */
#define TURN_COUNTS 100000

/* Lives of rows, and looks, below which a run has tested nothing. */
#define ENOUGH	   20
#define PATIENCE_S 60

struct stress {
	struct script script; /* its row and bank are the counting thread's */
	_Atomic bool stop;
	bool no_grace;
	/* RCU in small: the row to count in, published by the reclaimer; the counting
	 * thread's turns, between which it holds no row. */
	_Atomic uint32_t tool;
	_Atomic uint64_t turns;
	_Atomic uint64_t lives, looks;
	pthread_mutex_t mutex; /* protects: fault */
	char fault[256];
};

static bool stopped(struct stress *s)
{
	return atomic_load_explicit(&s->stop, memory_order_acquire);
}

static void stop_with(struct stress *s, const char *fault)
{
	pthread_mutex_lock(&s->mutex);
	if (!*s->fault)
		(void)snprintf(s->fault, sizeof(s->fault), "%s", fault);
	pthread_mutex_unlock(&s->mutex);
	atomic_store_explicit(&s->stop, true, memory_order_release);
}

/* ---- writers ------------------------------------------------------------- */

static void *count_main(void *arg)
{
	struct stress *s = arg;
	struct snp_bank *bank = &s->script.bank;

	for (uint64_t n = 1; !stopped(s); n++) {
		uint32_t tool = atomic_load_explicit(&s->tool, memory_order_acquire);
		struct snp_tool_cells *cells =
		    tool == NO_TOOL ? NULL : &bank->tools[tool];
		char correlation[SNP_INFL_CORRELATION_BYTES + 1];

		script_correlation(n, correlation);
		for (unsigned i = 0; cells && i < TURN_COUNTS; i++) {
			snp_add(cells->requests, 1);
			snp_hist_record(cells->duration, script_mix(n + i) >> 30);
			snp_add(cells->retries, 1);
		}
		snp_span_record(
		    bank, &(struct snp_span_fields){.start = {n},
						    .end = {2 * n},
						    .queue_ns = n,
						    .trace_id = {n, script_mix(n)},
						    .correlation = correlation});
		snp_inflight_begin(
		    s->script.writer, s->script.worker, n % 2,
		    &(struct snp_inflight_fields){.start = {n},
						  .incarnation = n,
						  .trace_id = {n, script_mix(n)},
						  .correlation = correlation});
		/* Quiescent: the row is let go of. Partner: wait_turns(). */
		atomic_store_explicit(&s->turns, n, memory_order_release);
	}
	return NULL;
}

/* A second bank for the same metrics, taken and given back over and over. */
static void *churn_main(void *arg)
{
	struct stress *s = arg;
	struct snp_bank bank;

	for (uint64_t n = 1; !stopped(s); n++) {
		SNP_CHECK(snp_bank_adopt(s->script.writer, &bank) == 0);
		for (unsigned i = 0; i < 20; i++) {
			snp_add(bank.proc->log_dropped, 1);
			snp_hist_record(bank.pools[s->script.pool].queue_wait,
					script_mix(n + i) >> 24);
		}
		snp_event_record(&bank,
				 &(struct snp_event_fields){
				     .incarnation = n, .value = {n, script_mix(n)}},
				 (snp_mono_t){n});
		snp_bank_release(s->script.writer, &bank);
	}
	return NULL;
}

/* After two turns whatever was read before has been let go of. */
static void wait_turns(struct stress *s)
{
	uint64_t before = atomic_load_explicit(&s->turns, memory_order_acquire);

	while (!stopped(s) &&
	       atomic_load_explicit(&s->turns, memory_order_acquire) < before + 2)
		;
}

static void *reclaim_main(void *arg)
{
	struct stress *s = arg;
	struct snp_row_decl tool = {.kind = SNP_ROW_TOOL, .pool = s->script.pool};
	char name[64];
	uint32_t row;

	tool.name = name;
	for (unsigned n = 1; !stopped(s); n++) {
		(void)snprintf(name, sizeof(name), "tool-%u-%u-%u", n, n, n);
		if (snp_row_declare(s->script.writer, &tool, &row, NULL) < 0)
			continue; /* all in quarantine */
		atomic_store_explicit(&s->tool, row, memory_order_release);
		wait_turns(s); /* it is counted in for a while */
		atomic_store_explicit(&s->tool, NO_TOOL, memory_order_release);
		if (!s->no_grace)
			wait_turns(s);
		if (!stopped(s))
			snp_row_retire(s->script.writer, SNP_ROW_TOOL, row,
				       SNP_RETIRE_REASON_IDLE);
		atomic_fetch_add_explicit(&s->lives, 1, memory_order_relaxed);
	}
	return NULL;
}

static void *tick_main(void *arg)
{
	struct stress *s = arg;

	for (uint64_t n = 1; !stopped(s); n++) {
		snp_writer_heartbeat(s->script.writer, 0, 4);
		snp_writer_snap(s->script.writer);
		snp_writer_sample(s->script.writer, (snp_mono_t){n * 5 * SNP_NS_PER_S});
	}
	return NULL;
}

/* ---- readers ------------------------------------------------------------- */

/* Attach, then read through the writer's mapping instead of our own. */
static struct snp_segment *attach_shared(struct stress *s)
{
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};

	if (snp_segment_attach(snp_writer_path(s->script.writer), &seg, &err) < 0) {
		stop_with(s, err.msg);
		return NULL;
	}
	SNP_CHECK(munmap((void *)(uintptr_t)seg->map, seg->size_bytes) == 0);
	seg->map = s->script.writer->map;
	return seg;
}

static void detach_shared(struct snp_segment *seg)
{
	/* Something of its own to unmap. */
	seg->map = mmap(NULL, seg->size_bytes, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	SNP_CHECK(seg->map != MAP_FAILED);
	snp_segment_detach(&seg);
}

static void *read_main(void *arg)
{
	struct stress *s = arg;
	struct snp_segment *seg = attach_shared(s);
	struct sane sane;

	if (!seg)
		return NULL;
	sane_init(&sane, seg, false);
	while (!stopped(s)) {
		if (!sane_look(&sane))
			stop_with(s, sane.fault);
		atomic_fetch_add_explicit(&s->looks, 1, memory_order_relaxed);
	}
	sane_fini(&sane);
	detach_shared(seg);
	return NULL;
}

/* ---- all ----------------------------------------------------------------- */

static bool saw_enough(struct stress *s)
{
	return atomic_load_explicit(&s->lives, memory_order_relaxed) >= ENOUGH &&
	       atomic_load_explicit(&s->looks, memory_order_relaxed) >= ENOUGH;
}

static void run(struct stress *s, uint64_t seconds)
{
	void *(*const mains[])(void *) = {count_main, churn_main, reclaim_main,
					  tick_main,  read_main,  read_main};
	enum { NR = sizeof(mains) / sizeof(mains[0]) };
	pthread_t threads[NR];
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), seconds * 1000);
	snp_mono_t latest = snp_mono_add_ms(end, PATIENCE_S * 1000);
	const struct timespec tick = {.tv_nsec = 20 * (long)SNP_NS_PER_MS};

	for (size_t i = 0; i < NR; i++)
		SNP_CHECK(pthread_create(&threads[i], NULL, mains[i], s) == 0);
	while (!stopped(s) && snp_mono_now().ns < (saw_enough(s) ? end : latest).ns)
		(void)nanosleep(&tick, NULL);
	atomic_store_explicit(&s->stop, true, memory_order_release);
	for (size_t i = 0; i < NR; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	struct stress s = {.mutex = PTHREAD_MUTEX_INITIALIZER, .tool = NO_TOOL};
	struct snp_err err = {0};

	if (argc < 3) {
		(void)fputs("usage: stress DIR SECONDS [no-grace]\n", stderr);
		return 2;
	}
	s.no_grace = argc > 3 && strcmp(argv[3], "no-grace") == 0;
	if (script_open(&s.script, argv[1], &err) < 0) {
		(void)fprintf(stderr, "stress: %s\n", err.msg);
		return 2;
	}
	run(&s, strtoull(argv[2], NULL, 10));
	(void)printf("%llu lives of rows, %llu looks: %s\n",
		     (unsigned long long)atomic_load(&s.lives),
		     (unsigned long long)atomic_load(&s.looks),
		     *s.fault ? s.fault : "all whole");
	snp_bank_release(s.script.writer, &s.script.bank);
	snp_writer_close(&s.script.writer);
	return *s.fault ? 1 : 0;
}
