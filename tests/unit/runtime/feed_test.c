/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker counts, folded into the segment: by one that keeps the format, by its
 * successors, and by one that writes anything. */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snakepit/read.h"
#include "test_random.h"
#include "worker/feed.h"

#define WORDS	   (FEED_BYTES / sizeof(uint64_t))
#define HIST_WORDS (sizeof(struct snp_fmt_hist) / sizeof(uint64_t))

struct fixture {
	char dir[64];
	struct snp_writer *w;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct feed feed;
	uint64_t *words; /* the worker's side */
	uint32_t strings, cells;
	_Atomic uint64_t faults[SNP_ADAPTER_FAULT_NR];
	struct feed_owner owner;
};

/* ---- a worker ------------------------------------------------------------- */

static void start_worker(struct fixture *f)
{
	assert_int_equal(feed_create(&f->feed, NULL), 0);
	f->words =
	    mmap(NULL, FEED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->feed.fd, 0);
	assert_ptr_not_equal(f->words, MAP_FAILED);
	feed_handed_down(&f->feed);
	f->strings = 8;
	f->cells = 0;
}

static void end_worker(struct fixture *f)
{
	munmap(f->words, FEED_BYTES);
	f->words = NULL;
	(void)feed_fold(&f->feed, &f->owner, NULL);
	feed_destroy(&f->feed);
}

static uint32_t put_string(struct fixture *f, const char *text)
{
	uint32_t len = (uint32_t)strlen(text), at = f->strings;
	char *to = (char *)f->words + FEED_STRT_OFF + at;

	memcpy(to, &len, sizeof(len));
	memcpy(to + sizeof(len), text, len);
	f->strings += (len + 5 + 7) / 8 * 8;
	return at / 8;
}

static struct snp_fmt_desc *desc(struct fixture *f, uint64_t index)
{
	return (struct snp_fmt_desc *)(void *)((char *)f->words + FEED_DESC_OFF) +
	       index;
}

/* Returns the first word of its cell. */
static uint64_t *declare(struct fixture *f, uint8_t kind, const char *name,
			 const char *unit)
{
	uint64_t *used = &f->words[offsetof(struct snp_fmt_header, desc_used) / 8];
	uint64_t *cell = f->words + (FEED_CELLS_OFF + f->cells) / 8;

	*desc(f, *used) = (struct snp_fmt_desc){.kind = kind,
						.off = f->cells,
						.name = put_string(f, name),
						.unit = put_string(f, unit)};
	f->cells +=
	    kind == SNP_KIND_HISTOGRAM ? (uint32_t)sizeof(struct snp_fmt_hist) : 8;
	++*used;
	return cell;
}

/* ---- what readers see ----------------------------------------------------- */

static bool seen(struct fixture *f, const char *name, struct snp_series *ret)
{
	const struct snp_metric *m;
	struct snp_series_iter it;

	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	assert_int_equal(snp_segment_attach(snp_writer_path(f->w), &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	m = snp_snapshot_metric_find(f->snap, name);
	if (!m)
		return false;
	snp_series_iter_init(&it, f->snap, m);
	return snp_series_next(&it, ret);
}

static uint64_t value(struct fixture *f, const char *name)
{
	struct snp_series series = {0};

	assert_true(seen(f, name, &series));
	return series.value;
}

static unsigned fold(struct fixture *f)
{
	return feed_fold(&f->feed, &f->owner, NULL);
}

static uint64_t faults(const struct fixture *f, enum snp_enum_ADAPTER_FAULT fault)
{
	return f->faults[fault];
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options o = {.instance = "unit",
				       .pools_max = 1,
				       .workers_max = 1,
				       .tools_max = 1,
				       .banks_max = 1,
				       .adapter_metrics_max = 4};
	struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = "default"};

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	o.dir = f->dir;
	assert_int_equal(snp_writer_create(&o, &f->w, NULL), 0);
	f->owner = (struct feed_owner){.writer = f->w, .faults = f->faults};
	assert_int_equal(snp_row_declare(f->w, &decl, &f->owner.pool_row, NULL), 0);
	decl = (struct snp_row_decl){.kind = SNP_ROW_WORKER, .pool = f->owner.pool_row};
	assert_int_equal(snp_row_declare(f->w, &decl, &f->owner.worker_row, NULL), 0);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	start_worker(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->words)
		end_worker(f);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_writer_remove(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

/* ---- folding -------------------------------------------------------------- */

static void feed_is_of_a_size_for_good(void **state)
{
	struct feed feed;

	(void)state;
	assert_int_equal(feed_create(&feed, NULL), 0);
	assert_int_equal(ftruncate(feed.fd, 0), -1);
	assert_int_equal(ftruncate(feed.fd, 2 * FEED_BYTES), -1);
	feed_destroy(&feed);
	assert_int_equal(feed_fold(&feed, NULL, NULL), 0); /* none */
}

static void fold_adds_what_is_new(void **state)
{
	struct fixture *f = *state;
	uint64_t *tokens;
	struct snp_series series = {0};

	assert_int_equal(fold(f), 0);
	tokens = declare(f, SNP_KIND_COUNTER, "tokens", "{token}");
	assert_int_equal(fold(f), 0);
	assert_int_equal(value(f, "tokens"), 0);
	*tokens = 7;
	assert_int_equal(fold(f), 0);
	assert_int_equal(fold(f), 0);
	assert_int_equal(value(f, "tokens"), 7);
	assert_true(seen(f, "tokens", &series));
	assert_true(series.metric && strcmp(series.metric->unit, "{token}") == 0);
}

static void counters_go_on_over_workers(void **state)
{
	struct fixture *f = *state;

	for (uint64_t life = 1; life <= 3; life++) {
		*declare(f, SNP_KIND_COUNTER, "tokens", "") = 5;
		assert_int_equal(fold(f), 0);
		f->words[FEED_CELLS_OFF / 8] = 10; /* and is killed */
		end_worker(f);
		assert_int_equal(value(f, "tokens"), 10 * life);
		start_worker(f);
	}
}

static void gauges_come_with_their_value(void **state)
{
	struct fixture *f = *state;
	uint64_t *loss = declare(f, SNP_KIND_GAUGE, "loss", "");
	struct snp_series series = {0};
	const double set = -1.5;

	*loss = UINT64_C(0x7FF8000000000000); /* another NaN than ours */
	assert_int_equal(fold(f), 0);
	assert_false(seen(f, "loss", &series));
	memcpy(loss, &set, sizeof(set));
	assert_int_equal(fold(f), 0);
	assert_true(seen(f, "loss", &series));
	assert_true(snp_series_number(f->snap, &series) == set);
}

static void histograms_are_added_word_by_word(void **state)
{
	struct fixture *f = *state;
	uint64_t *wait = declare(f, SNP_KIND_HISTOGRAM, "wait", "s");
	struct snp_series series = {0};

	wait[3] = 2;
	wait[HIST_WORDS - 1] = 1000;
	assert_int_equal(fold(f), 0);
	wait[3] = 3;
	wait[0] = 1;
	wait[HIST_WORDS - 1] = 1500;
	assert_int_equal(fold(f), 0);
	assert_true(seen(f, "wait", &series));
	assert_true(series.hist && series.hist[0] == 1 && series.hist[3] == 3 &&
		    series.hist[HIST_WORDS - 1] == 1500);
}

static void the_sum_of_a_histogram_begins_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t *sizes = declare(f, SNP_KIND_HISTOGRAM, "sizes", "{item}");
	struct snp_series series = {0};

	sizes[3] = 1;
	sizes[HIST_WORDS - 1] = UINT64_MAX - 9;
	assert_int_equal(fold(f), 0);
	sizes[3] = 2;
	sizes[HIST_WORDS - 1] = 20;
	assert_int_equal(fold(f), 0);
	assert_true(seen(f, "sizes", &series));
	assert_true(series.hist && series.hist[3] == 2 &&
		    series.hist[HIST_WORDS - 1] == 20);
}

/* ---- nonsense ------------------------------------------------------------- */

static void a_counter_that_falls_stays(void **state)
{
	struct fixture *f = *state;
	uint64_t *tokens = declare(f, SNP_KIND_COUNTER, "tokens", "");

	*tokens = 7;
	assert_int_equal(fold(f), 0);
	*tokens = 6;
	assert_int_equal(fold(f), 1);
	assert_int_equal(fold(f), 0); /* told once */
	assert_int_equal(value(f, "tokens"), 7);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_FELL), 1);
	*tokens = 9;
	assert_int_equal(fold(f), 0);
	assert_int_equal(value(f, "tokens"), 9);
}

static void no_sum_overflows(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	for (int life = 0; life < 3; life++) {
		*declare(f, SNP_KIND_COUNTER, "tokens", "") = (UINT64_C(1) << 62) - 1;
		(void)fold(f);
		before = value(f, "tokens");
		f->words[FEED_CELLS_OFF / 8] = UINT64_MAX;
		end_worker(f);
		assert_int_equal(value(f, "tokens"), before);
		start_worker(f);
	}
	assert_int_equal(value(f, "tokens"), (UINT64_C(1) << 62) - 1);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_FELL), 3);
}

/* Readers add up the buckets of a histogram. */
static void no_histogram_counts_more_than_a_number_holds(void **state)
{
	struct fixture *f = *state;
	uint64_t *wait = declare(f, SNP_KIND_HISTOGRAM, "wait", "s");
	struct snp_series series = {0};
	uint64_t count = 0;

	for (size_t i = 0; i < HIST_WORDS - 1; i++)
		wait[i] = UINT64_C(1) << 62;
	assert_int_equal(fold(f), 1);
	for (size_t i = 0; i < HIST_WORDS - 1; i++)
		wait[i] = UINT64_C(1) << 52;
	assert_int_equal(fold(f), 0);
	assert_true(seen(f, "wait", &series));
	for (size_t i = 0; i < HIST_WORDS - 1; i++)
		assert_false(__builtin_add_overflow(count, series.hist[i], &count));
	assert_true(count == (HIST_WORDS - 1) << 52);
}

static void what_cannot_be_shown_is_counted_and_the_rest_is_shown(void **state)
{
	struct fixture *f = *state;
	struct snp_series series = {0};

	(void)declare(f, SNP_KIND_COUNTER, "a", "");
	(void)declare(f, SNP_KIND_GAUGE, "a", "");
	(void)declare(f, SNP_KIND_COUNTER, "snakepit.requests", "");
	(void)declare(f, SNP_KIND_STATE, "b", "");
	(void)declare(f, SNP_KIND_HISTOGRAM, "h", "s");
	(void)declare(f, SNP_KIND_HISTOGRAM, "i", "s"); /* one of four */
	*declare(f, SNP_KIND_COUNTER, "z", "") = 3;
	assert_int_equal(fold(f), 4);
	assert_int_equal(fold(f), 0);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_CONFLICT), 1);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_REFUSED), 2);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_NO_ROOM), 1);
	assert_int_equal(value(f, "z"), 3);
	assert_false(seen(f, "b", &series));
}

static void what_leads_outside_is_refused(void **state)
{
	static const struct {
		uint32_t name, off;
		uint8_t kind;
	} cases[] = {
	    {UINT32_MAX, 0, SNP_KIND_COUNTER},
	    {FEED_STRT_BYTES / 8, 0, SNP_KIND_COUNTER},
	    {FEED_STRT_BYTES / 8 - 1, 0, SNP_KIND_COUNTER}, /* says it is longer */
	    {1, FEED_CELLS_BYTES, SNP_KIND_COUNTER},
	    {1, UINT32_MAX - 7, SNP_KIND_COUNTER},
	    {1, 4, SNP_KIND_COUNTER},
	    {1, FEED_CELLS_BYTES - 8, SNP_KIND_HISTOGRAM},
	};
	struct fixture *f = *state;
	const size_t nr = sizeof(cases) / sizeof(cases[0]);
	uint32_t name = put_string(f, "a");

	assert_int_equal(name, 1);
	memset((char *)f->words + FEED_BNDS_OFF - 8, 0x77, 8);
	for (size_t i = 0; i < nr; i++)
		*desc(f, i) = (struct snp_fmt_desc){
		    .kind = cases[i].kind, .name = cases[i].name, .off = cases[i].off};
	f->words[offsetof(struct snp_fmt_header, desc_used) / 8] = nr;
	assert_int_equal(fold(f), nr);
	assert_int_equal(faults(f, SNP_ADAPTER_FAULT_REFUSED), nr);
}

/* Whatever it writes: no crash, no more metrics than there is room for, and no counter
 * that a reader sees falls. */
static void any_bytes_do_no_harm(void **state)
{
	struct fixture *f = *state;
	const uint32_t texts = (FEED_BNDS_OFF - FEED_DESC_OFF) / 8;
	uint64_t *used = &f->words[offsetof(struct snp_fmt_header, desc_used) / 8];
	struct test_random r = test_random_seeded(0);
	uint64_t before = 0, now;
	size_t metrics_nr;

	*declare(f, SNP_KIND_COUNTER, "tokens", "") = 1;
	(void)declare(f, SNP_KIND_HISTOGRAM, "wait", "s");
	(void)fold(f);
	assert_int_equal(value(f, "tokens"), 1);
	metrics_nr = snp_snapshot_metrics_nr(f->snap);
	for (int round = 0; round < 20000; round++) {
		uint32_t at = round % 4
				  ? test_random_below(&r, WORDS)
				  : FEED_DESC_OFF / 8 + test_random_below(&r, texts);

		f->words[at] = test_random_u64(&r) >> test_random_below(&r, 64);
		if (round % 64 == 0)
			*used = test_random_below(&r, 80);
		(void)fold(f);
		if (round % 512)
			continue;
		now = value(f, "tokens");
		assert_true(now >= before);
		before = now;
	}
	assert_true(before > 1); /* it did get through */
	assert_true(snp_snapshot_metrics_nr(f->snap) <= metrics_nr + 2);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed_is_of_a_size_for_good),
	    T(fold_adds_what_is_new),
	    T(counters_go_on_over_workers),
	    T(gauges_come_with_their_value),
	    T(histograms_are_added_word_by_word),
	    T(the_sum_of_a_histogram_begins_anew),
	    T(a_counter_that_falls_stays),
	    T(no_sum_overflows),
	    T(no_histogram_counts_more_than_a_number_holds),
	    T(what_cannot_be_shown_is_counted_and_the_rest_is_shown),
	    T(what_leads_outside_is_refused),
	    T(any_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
