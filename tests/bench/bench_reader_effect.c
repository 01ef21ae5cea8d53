/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader costs the writer: another process takes snapshots of the whole segment
 * at several rates while this one counts. And the trap in the layout that costs more
 * than any reader: rows a multiple of 4 KiB apart fall into one set of the first-level
 * cache.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "segment.h"
#include "snakepit/read.h"

#define ROWS	   64
#define WORKERS	   1000 /* as many as can be copied 1000 times a second */
#define ROUNDS	   7
#define TRIES	   5
#define SLICE_NS   1e6
#define TRAP_BYTES 40960

/* ---- the reader ---------------------------------------------------------- */

enum { RATE_NONE = 0, RATE_TIGHT = UINT32_MAX }; /* otherwise snapshots a second */

struct reader {
	pid_t pid;
	int orders;		  /* pipe: a uint32_t rate each */
	_Atomic uint64_t *looked; /* snapshots taken, shared */
};

static void look(struct snp_segment *seg, struct snp_snapshot **snap,
		 _Atomic uint64_t *looked)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(seg, snap, &err) < 0)
		bench_die("reader: %s", err.msg);
	atomic_fetch_add(looked, 1);
}

/* Milliseconds until the next look, for poll(). */
static int wait_ms(uint32_t rate, uint64_t due_ns)
{
	uint64_t left;

	if (rate == RATE_NONE)
		return -1;
	if (rate == RATE_TIGHT)
		return 0;
	left = snp_mono_since_ns((snp_mono_t){due_ns}, snp_mono_now());
	return (int)((left + SNP_NS_PER_MS - 1) / SNP_NS_PER_MS);
}

_Noreturn static void read_as_ordered(const char *path, int orders,
				      _Atomic uint64_t *looked)
{
	struct pollfd order = {.fd = orders, .events = POLLIN};
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};
	uint32_t rate = RATE_NONE;
	uint64_t due = 0;

	if (snp_segment_attach(path, &seg, &err) < 0)
		bench_die("reader: %s", err.msg);
	for (;;) {
		if (poll(&order, 1, wait_ms(rate, due)) > 0) {
			if (read(orders, &rate, sizeof(rate)) != sizeof(rate))
				_exit(EXIT_SUCCESS);
			due = snp_mono_now().ns;
			continue;
		}
		if (rate == RATE_NONE)
			continue;
		look(seg, &snap, looked);
		if (rate != RATE_TIGHT)
			due += SNP_NS_PER_S / rate;
	}
}

static void reader_start(struct reader *reader, const char *path)
{
	int pipe_fds[2];
	void *shared = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED || pipe2(pipe_fds, O_CLOEXEC) < 0)
		bench_die("no memory or pipe for the reader");
	reader->looked = shared;
	reader->orders = pipe_fds[1];
	reader->pid = fork();
	if (reader->pid < 0)
		bench_die("cannot fork");
	if (reader->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipe_fds[1]);
		read_as_ordered(path, pipe_fds[0], reader->looked);
	}
	close(pipe_fds[0]);
}

static void reader_order(const struct reader *reader, uint32_t rate)
{
	if (write(reader->orders, &rate, sizeof(rate)) != sizeof(rate))
		bench_die("the reader is gone");
}

static void reader_stop(struct reader *reader)
{
	int status = -1;

	close(reader->orders);
	if (waitpid(reader->pid, &status, 0) != reader->pid || status != 0)
		bench_die("the reader failed, status %d", status);
}

/* ---- the writer ---------------------------------------------------------- */

static struct state {
	uint64_t inputs[BENCH_INPUTS];
	struct snp_bank bank;
} state;

static void add_rows(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_add(s->bank.tools[i % ROWS].requests, 1);
}

static void finish_calls(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_finished_call(&s->bank.tools[i % ROWS], 0,
				    s->inputs[i % BENCH_INPUTS]);
}

/* Mean over `period_ns`, not median: what a reader costs comes in bursts. Slices in
 * which one of us was off the processor do not count. */
static double mean_ns(const struct bench_variant *writer, uint64_t n,
		      uint64_t period_ns)
{
	uint64_t until = snp_mono_now().ns + period_ns;
	uint64_t slices = 0;
	double sum = 0, ns;

	while (snp_mono_now().ns < until || slices == 0) {
		if (!bench_repetition(writer, n, &ns))
			continue;
		sum += ns;
		slices++;
	}
	return sum / (double)(slices * n);
}

static const struct {
	const char *name;
	uint32_t rate;
	uint32_t period_ms;
	double limit;
} readers[] = {
    {"no reader", RATE_NONE, 200, 0},
    {"reader at 1 Hz", 1, 1000, 0},
    {"reader at 10 Hz", 10, 400, 1.02},
    {"reader at 1 kHz", 1000, 200, 1.10},
    {"reader without pause", RATE_TIGHT, 200, 0},
};
#define READERS_NR (sizeof(readers) / sizeof(readers[0]))

struct effect {
	struct bench_variant writer;
	uint64_t n; /* adds a slice */
	const struct reader *reader;
	struct bench_samples samples[READERS_NR];
	bool starved[READERS_NR]; /* the reader never reached its rate */
};

/* A rate that was not reached proves nothing about it. */
static bool enough(size_t i, uint64_t looks)
{
	if (readers[i].rate == RATE_TIGHT)
		return looks > readers[i].period_ms / 10;
	return looks * 1000 * 10 >=
	       (uint64_t)readers[i].rate * readers[i].period_ms * 8;
}

static void measure_rate(struct effect *e, size_t i, size_t round)
{
	uint64_t before;
	int tries = 0;

	do {
		before = atomic_load(e->reader->looked);
		reader_order(e->reader, readers[i].rate);
		e->samples[i].v[round] =
		    mean_ns(&e->writer, e->n, readers[i].period_ms * SNP_NS_PER_MS);
		e->samples[i].nr = round + 1;
		if (enough(i, atomic_load(e->reader->looked) - before))
			return;
	} while (++tries < TRIES);
	e->starved[i] = true;
}

static void print_effect(const char *what, const struct effect *e)
{
	char name[96];

	for (size_t i = 0; i < READERS_NR; i++) {
		(void)snprintf(name, sizeof(name), "%s, %s", what, readers[i].name);
		if (e->starved[i]) {
			bench_print_skipped(name, "the reader did not reach its rate");
			continue;
		}
		bench_print(&(struct bench_row){
		    .name = name,
		    .samples = &e->samples[i],
		    .baseline = i > 0 ? &e->samples[0] : NULL,
		    .against = readers[0].name,
		    .target =
			readers[i].limit > 0 ? BENCH_RATIO_AT_MOST : BENCH_NO_TARGET,
		    .limit = readers[i].limit,
		});
	}
}

static void measure_effect(const char *what, bench_work work,
			   const struct reader *reader)
{
	struct effect e = {
	    .writer = {.run = work, .ctx = &state}, .n = 1, .reader = reader};
	double ns = 0;

	while (ns < SLICE_NS) {
		e.n *= 2;
		(void)bench_repetition(&e.writer, e.n, &ns);
	}
	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < READERS_NR; i++)
			measure_rate(&e, i, round);
	reader_order(reader, RATE_NONE);
	print_effect(what, &e);
}

/* ---- the trap ------------------------------------------------------------ */

struct stride {
	unsigned char *base;
	uint64_t bytes;
};

static void add_at_stride(void *ctx, uint64_t n)
{
	struct stride *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_add((_Atomic uint64_t *)(void *)(s->base + i % ROWS * s->bytes), 1);
}

static void measure_trap(struct bench_segment *segment)
{
	unsigned char *memory =
	    mmap(NULL, (size_t)ROWS * TRAP_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	unsigned char *row = (void *)snp_worker_row(segment->writer, 0)->hot.pings;
	unsigned char *next = (void *)snp_worker_row(segment->writer, 1)->hot.pings;
	struct stride near = {memory, SNP_FMT_LINE}, trap = {memory, TRAP_BYTES},
		      rows = {row, (uint64_t)(next - row)};
	const struct bench_variant variants[] = {
	    {.run = add_at_stride, .ctx = &near},
	    {.run = add_at_stride, .ctx = &rows},
	    {.run = add_at_stride, .ctx = &trap},
	};
	struct bench_samples s[3];

	if (memory == MAP_FAILED)
		bench_die("no memory");
	bench_measure(variants, 3, s);
	const struct bench_row printed[] = {
	    {.name = "64 cells, 64 B apart", .samples = &s[0]},
	    {.name = "64 worker rows of the segment",
	     .samples = &s[1],
	     .baseline = &s[0],
	     .against = "64 B apart",
	     .target = BENCH_RATIO_AT_MOST,
	     .limit = 1.5},
	    {.name = "64 cells, 40,960 B apart: the trap",
	     .samples = &s[2],
	     .baseline = &s[0],
	     .against = "64 B apart"},
	};
	bench_print_rows(printed, 3);
	munmap(memory, (size_t)ROWS * TRAP_BYTES);
}

int main(void)
{
	struct bench_segment segment;
	struct reader reader;

	bench_print_ghz();
	bench_fill_inputs(state.inputs);
	bench_segment_create(&segment, (struct bench_segment_size){WORKERS, ROWS, 2});
	state.bank = bench_bank_adopt(&segment);
	reader_start(&reader, segment.path);
	measure_effect("add, 64 rows", add_rows, &reader);
	measure_effect("finished call, 64 rows", finish_calls, &reader);
	reader_stop(&reader);
	measure_trap(&segment);
	bench_segment_remove(&segment);
	bench_print_ghz();
	return 0;
}
