/* SPDX-License-Identifier: Apache-2.0 */
/* The life of rows, in the bytes a reader sees: declared, retired, recycled after the
 * quarantine, with nothing left of the life before. */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "segment_bytes.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

#define TOOLS	 3
#define NEVER_MS 86400000 /* a quarantine that no test outlives */

struct fixture {
	char dir[64];
	struct snp_writer *w;
	struct segment_bytes b;
	uint32_t banks_max;
	uint32_t pool;
};

static int declare(struct fixture *f, unsigned kind, const char *name, uint32_t *index)
{
	const struct snp_row_decl decl = {.kind = kind,
					  .pool = f->pool,
					  .slot = 5,
					  .name = name,
					  .text = "pkg.Adapter"};
	struct snp_err err = {0};

	return snp_row_declare(f->w, &decl, index, &err);
}

static uint32_t must_declare(struct fixture *f, unsigned kind, const char *name)
{
	uint32_t index = UINT32_MAX;

	assert_int_equal(declare(f, kind, name, &index), 0);
	return index;
}

static void open_segment(struct fixture *f, uint32_t quarantine_ms)
{
	const struct snp_writer_options o = {.dir = f->dir,
					     .instance = "unit",
					     .pools_max = 2,
					     .workers_max = 2,
					     .tools_max = TOOLS,
					     .banks_max = f->banks_max,
					     .inflight_per_worker = 2,
					     .reuse_quarantine_ms = quarantine_ms};
	struct snp_err err = {0};

	if (snp_writer_create(&o, &f->w, &err) < 0)
		fail_msg("%s", err.msg);
	f->pool = must_declare(f, SNP_ROW_POOL, "default");
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	f->b = segment_bytes_open(snp_writer_path(f->w));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	f->banks_max = 3;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->b.map)
		segment_bytes_close(&f->b);
	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

struct attempt {
	struct fixture *f;
	unsigned kind;
	const char *name;
	uint32_t index;
};

static bool declared(void *user)
{
	struct attempt *a = user;

	return declare(a->f, a->kind, a->name, &a->index) == 0;
}

/* Declare as soon as the quarantine lets us. */
static uint32_t declare_in_time(struct fixture *f, unsigned kind, const char *name)
{
	struct attempt a = {f, kind, name, UINT32_MAX};

	assert_true(snp_test_wait_until(declared, &a, SNP_TEST_DEADLINE_MS));
	return a.index;
}

static uint64_t gen_of(const struct fixture *f, unsigned kind, uint32_t index)
{
	return segment_bytes_word(segment_bytes_row(&f->b, kind, index), gen);
}

static uint64_t uid_of(const struct fixture *f, unsigned kind, uint32_t index)
{
	return segment_bytes_word(segment_bytes_row(&f->b, kind, index), uid);
}

/* ---- declaring ----------------------------------------------------------- */

static void declared_row_has_its_attributes_in_place(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_row *row;
	uint64_t before = snp_mono_now().ns;
	uint32_t tool, worker;

	open_segment(f, 0);
	tool = must_declare(f, SNP_ROW_TOOL, "caf\xc3\xa9");
	worker = must_declare(f, SNP_ROW_WORKER, NULL);
	row = segment_bytes_row(&f->b, SNP_ROW_TOOL, tool);
	assert_int_equal(segment_bytes_word(row, gen), SNP_GEN_LIVE);
	assert_int_equal(segment_bytes_word(row, parent), f->pool);
	assert_string_equal((const char *)row->name, "caf\xc3\xa9");
	assert_true(segment_bytes_word(row, born_mono_ns) >= before);
	assert_int_equal(segment_bytes_word(row, retired_mono_ns), 0);
	row = segment_bytes_row(&f->b, SNP_ROW_WORKER, worker);
	assert_int_equal(segment_bytes_word(row, slot), 5);
	assert_string_equal((const char *)row->name, "");
	row = segment_bytes_row(&f->b, SNP_ROW_POOL, f->pool);
	assert_string_equal((const char *)row->name, "default");
	assert_string_equal((const char *)row->text, "pkg.Adapter");
	assert_int_equal(
	    segment_bytes_word(segment_bytes_header(&f->b), row_high[SNP_ROW_TOOL]), 1);
}

static void name_of_128_bytes_is_whole_and_one_more_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_row *row;
	char name[SNP_ROW_TEXT_BYTES + 2];
	uint32_t index;

	open_segment(f, 0);
	memset(name, 'n', sizeof(name));
	name[SNP_ROW_TEXT_BYTES + 1] = '\0';
	assert_int_equal(declare(f, SNP_ROW_TOOL, name, &index), -EINVAL);
	assert_int_equal(declare(f, SNP_ROW_WORKER, name, &index), -EINVAL);
	name[SNP_ROW_TEXT_BYTES] = '\0';
	row =
	    segment_bytes_row(&f->b, SNP_ROW_TOOL, must_declare(f, SNP_ROW_TOOL, name));
	assert_memory_equal(row->name, name, SNP_ROW_TEXT_BYTES);
	/* It ends where the next attribute begins: no NUL, nothing spilled. */
	assert_string_equal((const char *)row->text, "pkg.Adapter");
}

/* Nobody gives adapters names of 128 bytes, but nobody forbids it. */
static void text_that_is_too_long_is_cut_between_characters_and_counted(void **state)
{
	struct fixture *f = *state;
	struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = "p"};
	char text[SNP_ROW_TEXT_BYTES + 3];
	const struct snp_fmt_row *row;
	uint32_t index;

	open_segment(f, 0);
	memset(text, 'x', sizeof(text));
	memcpy(text + SNP_ROW_TEXT_BYTES - 1, "\xc3\xa9", 3);
	decl.text = text;
	assert_int_equal(snp_row_declare(f->w, &decl, &index, NULL), 0);
	row = segment_bytes_row(&f->b, SNP_ROW_POOL, index);
	assert_memory_equal(row->text, text, SNP_ROW_TEXT_BYTES - 1);
	assert_int_equal(((const char *)row->text)[SNP_ROW_TEXT_BYTES - 1], '\0');
	assert_int_equal(
	    segment_bytes_word(segment_bytes_header(&f->b), text_truncated), 1);
}

/* ---- retiring and recycling ---------------------------------------------- */

static void retired_row_keeps_its_values_and_says_why_and_until_when(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_row *row;
	const struct snp_tool_cells *cells;
	struct snp_bank bank;
	uint64_t uid, gen, struct_gen;
	uint32_t tool;

	open_segment(f, 3000);
	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	tool = must_declare(f, SNP_ROW_TOOL, "t");
	snp_add(bank.tools[tool].requests, 42);
	uid = uid_of(f, SNP_ROW_TOOL, tool);
	gen = gen_of(f, SNP_ROW_TOOL, tool);
	struct_gen = segment_bytes_word(segment_bytes_header(&f->b), struct_gen);
	snp_row_retire(f->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
	row = segment_bytes_row(&f->b, SNP_ROW_TOOL, tool);
	assert_int_equal(segment_bytes_word(row, gen), gen + 1);
	assert_int_equal(segment_bytes_word(row, gen) % 4, SNP_GEN_TOMBSTONE);
	assert_int_equal(segment_bytes_word(row, uid), uid);
	assert_string_equal((const char *)row->name, "t");
	assert_int_equal(segment_bytes_word(row, retire_reason),
			 SNP_RETIRE_REASON_IDLE);
	assert_true(segment_bytes_word(row, retired_mono_ns) >=
		    segment_bytes_word(row, born_mono_ns));
	assert_int_equal(segment_bytes_word(row, reuse_after_mono_ns),
			 segment_bytes_word(row, retired_mono_ns) +
			     3000 * SNP_NS_PER_MS);
	cells = segment_bytes_entry(&f->b, SNP_REGION_BANK, SNP_ROW_TOOL, 0, tool);
	assert_int_equal(segment_bytes_word(cells, requests[0]), 42);
	assert_int_equal(segment_bytes_word(segment_bytes_header(&f->b), struct_gen),
			 struct_gen + 2);
}

static void declare_prefers_rows_that_were_never_used(void **state)
{
	struct fixture *f = *state;
	uint32_t tool;

	open_segment(f, 1);
	tool = must_declare(f, SNP_ROW_TOOL, "a");
	snp_row_retire(f->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
	for (uint32_t i = 1; i < TOOLS; i++)
		assert_int_equal(declare_in_time(f, SNP_ROW_TOOL, "b"), i);
	assert_int_equal(gen_of(f, SNP_ROW_TOOL, tool) % 4, SNP_GEN_TOMBSTONE);
	assert_int_equal(declare_in_time(f, SNP_ROW_TOOL, "c"), tool);
}

static void full_table_refuses_until_the_quarantine_has_passed(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_header *h;
	uint32_t index = 77;

	open_segment(f, NEVER_MS);
	h = segment_bytes_header(&f->b);
	for (uint32_t i = 0; i < TOOLS; i++)
		(void)must_declare(f, SNP_ROW_TOOL, "t");
	assert_int_equal(declare(f, SNP_ROW_TOOL, "more", &index), -ENOSPC);
	assert_int_equal(segment_bytes_word(h, rows_dropped), 1);
	snp_row_retire(f->w, SNP_ROW_TOOL, 1, SNP_RETIRE_REASON_IDLE);
	assert_int_equal(declare(f, SNP_ROW_TOOL, "more", &index), -ENOSPC);
	assert_int_equal(segment_bytes_word(h, rows_dropped), 2);
	assert_int_equal(index, 77);
	assert_string_equal(
	    (const char *)segment_bytes_row(&f->b, SNP_ROW_TOOL, 1)->name, "t");
	assert_int_equal(segment_bytes_word(h, row_high[SNP_ROW_TOOL]), TOOLS);
}

static void rows_come_back_in_the_order_they_were_retired(void **state)
{
	static const uint32_t order[TOOLS] = {2, 0, 1};
	struct fixture *f = *state;

	open_segment(f, 1);
	for (uint32_t i = 0; i < TOOLS; i++)
		(void)must_declare(f, SNP_ROW_TOOL, "t");
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < TOOLS; i++)
			snp_row_retire(f->w, SNP_ROW_TOOL, order[i],
				       SNP_RETIRE_REASON_IDLE);
		for (uint32_t i = 0; i < TOOLS; i++)
			assert_int_equal(declare_in_time(f, SNP_ROW_TOOL, "t"),
					 order[i]);
	}
}

static void uid_is_never_used_twice_and_gen_only_grows(void **state)
{
	struct fixture *f = *state;
	uint64_t last_uid = 0, last_gen = 0;

	open_segment(f, 1);
	for (uint32_t i = 0; i < TOOLS - 1; i++)
		(void)must_declare(f, SNP_ROW_TOOL, "stays");
	for (int round = 0; round < 20; round++) {
		uint32_t index = declare_in_time(f, SNP_ROW_TOOL, "comes and goes");
		uint64_t uid = uid_of(f, SNP_ROW_TOOL, index);
		uint64_t gen = gen_of(f, SNP_ROW_TOOL, index);

		assert_int_equal(index, TOOLS - 1);
		assert_true(uid > last_uid);
		assert_true(gen > last_gen);
		assert_int_equal(gen % 4, SNP_GEN_LIVE);
		last_uid = uid;
		last_gen = gen;
		snp_row_retire(f->w, SNP_ROW_TOOL, index, SNP_RETIRE_REASON_REMOVED);
	}
}

/* All words of a block but those in [skip, skip + skip_bytes) are zero. */
static void assert_zero(const void *block, size_t bytes, size_t skip, size_t skip_bytes)
{
	const unsigned char *p = block;

	for (size_t i = 0; i < bytes; i++)
		if ((i < skip || i >= skip + skip_bytes) && p[i] != 0)
			fail_msg("byte %zu of %zu is %u", i, bytes, p[i]);
}

static void recycled_tool_is_zero_in_all_banks(void **state)
{
	struct fixture *f = *state;
	struct snp_bank banks[3];
	uint32_t tool = 0;

	open_segment(f, 1);
	for (int i = 0; i < TOOLS; i++)
		(void)must_declare(f, SNP_ROW_TOOL, "t");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(snp_bank_adopt(f->w, &banks[i]), 0);
		for (uint32_t row = 0; row < TOOLS; row++)
			memset((void *)&banks[i].tools[row], 0xA5,
			       sizeof(banks[i].tools[row]));
	}
	snp_row_retire(f->w, SNP_ROW_TOOL, 1, SNP_RETIRE_REASON_IDLE);
	tool = declare_in_time(f, SNP_ROW_TOOL, "new");
	assert_int_equal(tool, 1);
	for (uint64_t i = 0; i < 3; i++) {
		const unsigned char *cells =
		    segment_bytes_entry(&f->b, SNP_REGION_BANK, SNP_ROW_TOOL, i, tool);

		assert_zero(cells, sizeof(struct snp_tool_cells), 0, 0);
		/* ... and its neighbours are untouched. */
		assert_int_equal(cells[-1], 0xA5);
		assert_int_equal(cells[sizeof(struct snp_tool_cells)], 0xA5);
	}
}

/* A slow reader remembers the number of a latch: it must not come back. */
static void recycled_worker_is_empty_and_its_latches_go_on_counting(void **state)
{
	const uint64_t words[SNP_LATCH_WORDS] = {7, 7, 7};
	const struct snp_inflight_fields request = {.start = {1}, .correlation = "c"};
	struct fixture *f = *state;
	const struct snp_worker_row *cells;
	const struct snp_fmt_text *text;
	const struct snp_fmt_inflight *slot;
	uint32_t worker;

	open_segment(f, 1);
	(void)must_declare(f, SNP_ROW_WORKER, NULL);
	worker = must_declare(f, SNP_ROW_WORKER, NULL);
	for (int i = 0; i < 3; i++)
		snp_latch_publish(&snp_worker_row(f->w, worker)->proc, words,
				  SNP_LATCH_WORDS);
	snp_set(snp_worker_row(f->w, worker)->sup.memory, 9);
	snp_set(snp_worker_row(f->w, worker)->hot.pings, 9);
	snp_worker_text_set(f->w, worker, "why it failed");
	snp_inflight_begin(f->w, worker, 1, &request);
	snp_row_retire(f->w, SNP_ROW_WORKER, worker, SNP_RETIRE_REASON_REMOVED);
	assert_int_equal(declare_in_time(f, SNP_ROW_WORKER, NULL), worker);

	cells = segment_bytes_entry(&f->b, SNP_REGION_ROWC, SNP_ROW_WORKER, 0, worker);
	assert_zero(cells, sizeof(*cells), 0, sizeof(uint64_t));
	assert_int_equal(segment_bytes_word(cells, proc.seq), 3);
	text = segment_bytes_entry(&f->b, SNP_REGION_TEXT, SNP_ROW_WORKER, 0, worker);
	assert_zero(text, sizeof(*text), 0, sizeof(uint64_t));
	assert_int_equal(segment_bytes_word(text, seq), 1);
	slot = segment_bytes_entry(&f->b, SNP_REGION_INFL, SNP_ROW_WORKER, worker, 1);
	assert_zero(slot, sizeof(*slot), 0, sizeof(uint64_t));
	assert_int_equal(segment_bytes_word(slot, seq), 1);
}

/* ---- pools --------------------------------------------------------------- */

static void recycled_pool_is_empty_and_forgets_the_rows_of_the_old_one(void **state)
{
	const uint64_t words[SNP_LATCH_WORDS] = {7, 7, 7};
	struct fixture *f = *state;
	struct snp_bank bank;
	uint32_t other, tool, worker, row;

	open_segment(f, 1);
	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	other = f->pool;
	f->pool = must_declare(f, SNP_ROW_POOL, "old");
	tool = must_declare(f, SNP_ROW_TOOL, "t");
	worker = must_declare(f, SNP_ROW_WORKER, NULL);
	snp_latch_publish(&snp_pool_row(f->w, f->pool)->ledger, words, SNP_LATCH_WORDS);
	snp_set(snp_pool_row(f->w, f->pool)->worker_limit, 8);
	snp_add(bank.pools[f->pool].sessions_created, 8);
	snp_row_retire(f->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_REMOVED);
	snp_row_retire(f->w, SNP_ROW_WORKER, worker, SNP_RETIRE_REASON_REMOVED);
	snp_row_retire(f->w, SNP_ROW_POOL, f->pool, SNP_RETIRE_REASON_REMOVED);
	/* Tombstones are the old pool's as long as that can be named ... */
	assert_int_equal(gen_of(f, SNP_ROW_TOOL, tool) % 4, SNP_GEN_TOMBSTONE);
	assert_int_equal(declare(f, SNP_ROW_WORKER, NULL, &row), -EINVAL);

	assert_int_equal(declare_in_time(f, SNP_ROW_POOL, "new"), f->pool);
	/* ... and would be the new one's by index. */
	assert_int_equal(gen_of(f, SNP_ROW_TOOL, tool) % 4, SNP_GEN_FREE);
	assert_int_equal(gen_of(f, SNP_ROW_WORKER, worker) % 4, SNP_GEN_FREE);
	assert_zero(
	    segment_bytes_entry(&f->b, SNP_REGION_ROWC, SNP_ROW_POOL, 0, f->pool),
	    sizeof(struct snp_pool_row), 0, sizeof(uint64_t));
	assert_zero(
	    segment_bytes_entry(&f->b, SNP_REGION_BANK, SNP_ROW_POOL, 0, f->pool),
	    sizeof(struct snp_pool_cells), 0, 0);

	/* A forgotten row is used again like any other. */
	f->pool = other;
	for (uint32_t i = 1; i < TOOLS; i++)
		(void)must_declare(f, SNP_ROW_TOOL, "t");
	assert_int_equal(declare_in_time(f, SNP_ROW_TOOL, "again"), tool);
	assert_int_equal(gen_of(f, SNP_ROW_TOOL, tool) % 4, SNP_GEN_LIVE);
	assert_true(gen_of(f, SNP_ROW_TOOL, tool) > SNP_GEN_RECYCLING);
}

/* ---- in the middle of a recycling ----------------------------------------- */

/* What the generation of a row was, mod 4, whenever the clock was asked. */
static struct {
	const struct snp_fmt_row *row;
	uint64_t state[4];
	unsigned nr;
} seen;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (seen.row && seen.nr < sizeof(seen.state) / sizeof(seen.state[0]))
		seen.state[seen.nr++] = segment_bytes_word(seen.row, gen) % 4;
	return __real_clock_gettime(clock, ts);
}

static bool quarantine_over(void *user)
{
	return snp_mono_now().ns >= segment_bytes_word((const struct snp_fmt_row *)user,
						       reuse_after_mono_ns);
}

/* First "is its time come?", then "born when?". */
static void row_says_that_it_is_recycling_before_anything_changes(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_row *row;
	uint32_t index = 0;

	open_segment(f, 1);
	for (int i = 0; i < TOOLS; i++)
		index = must_declare(f, SNP_ROW_TOOL, "t");
	snp_row_retire(f->w, SNP_ROW_TOOL, index, SNP_RETIRE_REASON_IDLE);
	row = segment_bytes_row(&f->b, SNP_ROW_TOOL, index);
	assert_true(snp_test_wait_until(quarantine_over, (void *)(uintptr_t)row,
					SNP_TEST_DEADLINE_MS));
	seen.row = row;
	assert_int_equal(must_declare(f, SNP_ROW_TOOL, "new"), index);
	seen.row = NULL;
	assert_int_equal(seen.nr, 2);
	assert_int_equal(seen.state[0], SNP_GEN_TOMBSTONE);
	assert_int_equal(seen.state[1], SNP_GEN_RECYCLING);
}

/* ---- beside a reader ----------------------------------------------------- */

struct watch {
	const struct segment_bytes *b;
	atomic_bool stop;
	uint64_t accepted, mixed;
};

/* Copies a pool's row by the protocol of format.h. Each life has its uid in its name
 * and in a cell, so that a copy of two lives gives itself away. */
static void *watch_row(void *arg)
{
	struct watch *watch = arg;
	const struct snp_fmt_row *row = segment_bytes_row(watch->b, SNP_ROW_POOL, 1);
	const struct snp_pool_cells *cells =
	    segment_bytes_entry(watch->b, SNP_REGION_BANK, SNP_ROW_POOL, 0, 1);

	while (!atomic_load(&watch->stop)) {
		uint64_t gen = atomic_load_explicit(&row->gen, memory_order_acquire);
		uint64_t uid = segment_bytes_word(row, uid);
		uint64_t value = segment_bytes_word(cells, sessions_created[0]);
		uint64_t name[2] = {segment_bytes_word(row, name[0]), 0};

		atomic_thread_fence(memory_order_acquire);
		if (gen % 4 != SNP_GEN_TOMBSTONE || segment_bytes_word(row, gen) != gen)
			continue;
		watch->accepted++;
		watch->mixed +=
		    value != uid || strtoull((const char *)name, NULL, 10) != uid;
	}
	return NULL;
}

static void reader_of_a_row_that_is_recycled_sees_one_life_or_none(void **state)
{
	struct fixture *f = *state;
	struct watch watch = {.b = &f->b};
	struct snp_bank bank;
	pthread_t thread;

	f->banks_max = SNP_RINGS_MAX; /* the more to clear, the longer between lives */
	open_segment(f, 1);
	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	assert_int_equal(pthread_create(&thread, NULL, watch_row, &watch), 0);
	for (uint64_t uid = 2; uid < 200; uid++) { /* 1 is the pool that stays */
		char name[8];
		uint32_t index;

		(void)snprintf(name, sizeof(name), "%u", (unsigned)uid);
		index = declare_in_time(f, SNP_ROW_POOL, name);
		assert_int_equal(uid_of(f, SNP_ROW_POOL, index), uid);
		snp_add(bank.pools[index].sessions_created, uid);
		snp_row_retire(f->w, SNP_ROW_POOL, index, SNP_RETIRE_REASON_IDLE);
	}
	atomic_store(&watch.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(watch.mixed, 0);
	assert_true(watch.accepted > 0);
}

/* ---- A slot that comes back ------------------------------------------------ */

static void revived_row_lives_again_with_its_values(void **state)
{
	struct fixture *f = *state;
	const struct snp_row_decl decl = {
	    .kind = SNP_ROW_WORKER, .pool = f->pool, .slot = 5};
	const struct snp_fmt_row *row;
	uint64_t uid, gen;
	uint32_t worker;

	open_segment(f, NEVER_MS);
	worker = must_declare(f, SNP_ROW_WORKER, "");
	row = segment_bytes_row(&f->b, SNP_ROW_WORKER, worker);
	snp_add(snp_worker_row(f->w, worker)->sup.restarts, 7);
	uid = segment_bytes_word(row, uid);
	gen = segment_bytes_word(row, gen);
	snp_row_retire(f->w, SNP_ROW_WORKER, worker, SNP_RETIRE_REASON_REMOVED);
	assert_int_equal(snp_row_revive(f->w, &decl, worker), 0);
	assert_int_equal(segment_bytes_word(row, gen), gen + 4);
	assert_int_not_equal(segment_bytes_word(row, uid), uid);
	assert_int_equal(segment_bytes_word(row, retired_mono_ns), 0);
	assert_int_equal(segment_bytes_word(row, retire_reason),
			 SNP_RETIRE_REASON_NONE);
	assert_int_equal(snp_get(snp_worker_row(f->w, worker)->sup.restarts), 7);
}

static void revive_of_a_row_that_is_not_the_slots_is_estale(void **state)
{
	struct fixture *f = *state;
	struct snp_row_decl decl = {.kind = SNP_ROW_WORKER, .pool = f->pool, .slot = 5};
	uint32_t worker;

	open_segment(f, NEVER_MS);
	worker = must_declare(f, SNP_ROW_WORKER, "");
	assert_int_equal(snp_row_revive(f->w, &decl, worker), -ESTALE); /* it lives */
	snp_row_retire(f->w, SNP_ROW_WORKER, worker, SNP_RETIRE_REASON_REMOVED);
	decl.slot = 6;
	assert_int_equal(snp_row_revive(f->w, &decl, worker), -ESTALE);
}

/* The one revived is no longer among those that wait for another life. */
static void revived_row_is_not_recycled_and_the_others_keep_their_order(void **state)
{
	struct fixture *f = *state;
	struct snp_row_decl decl = {.kind = SNP_ROW_WORKER, .pool = f->pool};
	uint32_t first, second, index = UINT32_MAX;

	open_segment(f, 1);
	assert_int_equal(snp_row_declare(f->w, &decl, &first, NULL), 0);
	decl.slot = 1;
	assert_int_equal(snp_row_declare(f->w, &decl, &second, NULL), 0);
	snp_row_retire(f->w, SNP_ROW_WORKER, first, SNP_RETIRE_REASON_REMOVED);
	snp_row_retire(f->w, SNP_ROW_WORKER, second, SNP_RETIRE_REASON_REMOVED);
	assert_int_equal(snp_row_revive(f->w, &decl, second), 0);
	decl.slot = 9;
	while (snp_row_declare(f->w, &decl, &index, NULL) < 0)
		sched_yield(); /* until the quarantine of 1 ms has passed */
	assert_int_equal(index, first);
	assert_int_equal(snp_row_declare(f->w, &decl, &index, NULL), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(declared_row_has_its_attributes_in_place),
	    T(name_of_128_bytes_is_whole_and_one_more_is_refused),
	    T(text_that_is_too_long_is_cut_between_characters_and_counted),
	    T(retired_row_keeps_its_values_and_says_why_and_until_when),
	    T(revived_row_lives_again_with_its_values),
	    T(revive_of_a_row_that_is_not_the_slots_is_estale),
	    T(revived_row_is_not_recycled_and_the_others_keep_their_order),
	    T(declare_prefers_rows_that_were_never_used),
	    T(full_table_refuses_until_the_quarantine_has_passed),
	    T(rows_come_back_in_the_order_they_were_retired),
	    T(uid_is_never_used_twice_and_gen_only_grows),
	    T(recycled_tool_is_zero_in_all_banks),
	    T(recycled_worker_is_empty_and_its_latches_go_on_counting),
	    T(recycled_pool_is_empty_and_forgets_the_rows_of_the_old_one),
	    T(row_says_that_it_is_recycling_before_anything_changes),
	    T(reader_of_a_row_that_is_recycled_sees_one_life_or_none),
	};

	return cmocka_run_group_tests_name("shm/rows", tests, NULL, NULL);
}
