/* SPDX-License-Identifier: Apache-2.0 */
/* S02: what is told of a counter adds up to the segment's; S07: timings stand for as
 * many observations as there were; S09: latencies are in milliseconds. */
#include "flush.h"

#include <errno.h>
#include <string.h>

#include "segment_fixture.h"

#define SENT_BYTES (1 << 18)

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct ledger *ledger;
	struct flush *flush;
	char sent[SENT_BYTES]; /* of the last flush, all datagrams joined by newlines */
	size_t sent_len;
	unsigned refuse; /* datagrams from now on that are refused */
};

static int take(void *user, const char *datagram, size_t len)
{
	struct fixture *f = user;

	if (f->refuse > 0) {
		f->refuse--;
		return -ECONNREFUSED;
	}
	assert_true(f->sent_len + len + 2 < sizeof(f->sent));
	memcpy(f->sent + f->sent_len, datagram, len);
	f->sent_len += len;
	f->sent[f->sent_len++] = '\n';
	f->sent[f->sent_len] = '\0';
	return 0;
}

static void attach(struct fixture *f)
{
	assert_int_equal(snp_segment_attach(f->writer.path, &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	assert_int_equal(ledger_create(f->snap, &f->ledger), 0);
}

static void detach(struct fixture *f)
{
	ledger_destroy(&f->ledger);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
}

static void make_flush(struct fixture *f, enum flush_latency latency, bool send_zero)
{
	const struct flush_options options = {
	    .format = {.style = FORMAT_NONE, .prefix = ""},
	    .latency = latency,
	    .datagram_bytes_max = 512,
	    .level_max = SNP_LEVEL_INFO,
	    .send_zero = send_zero,
	};

	flush_destroy(&f->flush);
	assert_int_equal(flush_create(&options, take, f, &f->flush), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	attach(f);
	make_flush(f, FLUSH_LATENCY_COUNTERS, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	flush_destroy(&f->flush);
	detach(f);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

static struct flush_result flush(struct fixture *f, enum flush_part part)
{
	struct flush_result result;

	f->sent_len = 0;
	f->sent[0] = '\0';
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	flush_begin(f->flush);
	assert_int_equal(flush_snapshot(f->flush, f->snap, f->ledger, part), 0);
	assert_int_equal(flush_end(f->flush, &result), 0);
	return result;
}

/* Whether `line` is one of those sent. */
static bool has(const struct fixture *f, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = f->sent; (at = strstr(at, line)); at++)
		if ((at == f->sent || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

/* Whether a line of the name was sent. */
static bool names(const struct fixture *f, const char *name)
{
	return strstr(f->sent, name) != NULL;
}

static void count_requests(struct fixture *f, uint64_t nr)
{
	snp_add(&f->writer.bank.tools[0].requests[0], nr);
}

#define REQUESTS "snakepit.requests.default.word_stats"
#define DURATION "snakepit.request.duration"
#define OF_TOOL	 ".default.word_stats"

/* ---- counters ------------------------------------------------------------ */

static void flush_tells_growth_once(void **state)
{
	struct fixture *f = *state;

	count_requests(f, 5);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, REQUESTS ":5|c"));
	(void)flush(f, FLUSH_ALL);
	assert_false(names(f, REQUESTS));
	count_requests(f, 2);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, REQUESTS ":2|c"));
}

static void flush_after_a_baseline_tells_only_what_came_later(void **state)
{
	struct fixture *f = *state;

	count_requests(f, 5);
	snp_hist_record(&f->writer.bank.tools[0].duration[0], 3000000);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	assert_int_equal(flush_baseline(f->flush, f->snap, f->ledger), 0);
	(void)flush(f, FLUSH_ALL);
	assert_false(names(f, "|c"));
	assert_true(names(f, "|g"));
	count_requests(f, 1);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, REQUESTS ":1|c"));
	assert_false(names(f, DURATION));
}

static void flush_with_zeros_tells_all_counters(void **state)
{
	struct fixture *f = *state;

	make_flush(f, FLUSH_LATENCY_COUNTERS, true);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, REQUESTS ":0|c"));
	assert_true(has(f, DURATION ".count" OF_TOOL ":0|c"));
	assert_true(has(f, "snakepit.worker.cpu.time_ms.default.0:0|c"));
}

/* What was in a datagram that failed comes with the next flush; what was in another one
 * does not come again. */
static void flush_failed_datagrams_are_told_later(void **state)
{
	struct fixture *f = *state;
	struct snp_pool_cells *pool = &f->writer.bank.pools[0];
	struct flush_result first, second;

	count_requests(f, 5);
	for (unsigned i = 0; i < 20; i++) /* more than a datagram full of counters */
		snp_add(&pool->suspicions[i % SNP_HEALTH_NR], 1 + i);
	snp_add(&f->writer.bank.proc->orphans[0], 3);
	f->refuse = 1;
	first = flush(f, FLUSH_ALL);
	assert_int_equal(first.failed, 1);
	assert_int_equal(first.error, -ECONNREFUSED);
	assert_true(first.datagrams > 1);
	assert_false(names(f, REQUESTS));
	assert_true(has(f, "snakepit.runtime.orphans:3|c"));
	count_requests(f, 2);
	second = flush(f, FLUSH_ALL);
	assert_int_equal(second.failed, 0);
	assert_int_equal(second.error, 0);
	assert_true(has(f, REQUESTS ":7|c"));
	assert_false(names(f, "snakepit.runtime.orphans"));
}

/* Over many flushes, any of which may fail, with fractions of a millisecond each (S02).
 */
static void flush_sums_equal_the_segment(void **state)
{
	struct fixture *f = *state;
	struct snp_worker_row *row = snp_worker_row(f->writer.writer, 0);
	uint64_t requests = 0, cpu_ms = 0, sum_ms = 0, count = 0;
	unsigned seed = 1;

	for (unsigned i = 0; i < 300; i++) {
		bool last = i == 299;

		count_requests(f, (uint64_t)rand_r(&seed) % 3);
		snp_add(&row->sup.cpu[0], (uint64_t)rand_r(&seed) % 3000000);
		snp_hist_record(&f->writer.bank.tools[0].duration[0],
				(uint64_t)rand_r(&seed) % 5000000);
		f->refuse = last ? 0 : (unsigned)rand_r(&seed) % 4;
		(void)flush(f, FLUSH_ALL);
		f->refuse = 0;
		for (char *at = strtok(f->sent, "\n"); at; at = strtok(NULL, "\n")) {
			const char *colon = strchr(at, ':');
			const struct {
				const char *name;
				uint64_t *sum;
			} sums[] = {
			    {REQUESTS, &requests},
			    {"snakepit.worker.cpu.time_ms.default.0", &cpu_ms},
			    {DURATION ".sum_ms" OF_TOOL, &sum_ms},
			    {DURATION ".count" OF_TOOL, &count},
			};

			for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
				if (strlen(sums[k].name) == (size_t)(colon - at) &&
				    strncmp(at, sums[k].name, (size_t)(colon - at)) ==
					0)
					*sums[k].sum += strtoull(colon + 1, NULL, 10);
		}
	}
	const struct snp_metric *duration = snp_snapshot_metric_find(f->snap, DURATION);
	const uint64_t *hist = snp_snapshot_hist(f->snap, duration, 0, 0);

	assert_int_equal(
	    requests,
	    snp_snapshot_value(
		f->snap, snp_snapshot_metric_find(f->snap, "snakepit.requests"), 0, 0));
	assert_int_equal(cpu_ms, atomic_load(&row->sup.cpu[0]) / 1000000);
	assert_int_equal(sum_ms, hist[duration->nbuckets + 2] / 1000000);
	assert_int_equal(count, 300);
}

/* Another tool in the row of one that is gone has not counted before. */
static void flush_row_used_again_starts_from_zero(void **state)
{
	struct fixture *f = *state;
	struct snp_series series = {0};
	struct snp_series_iter it;
	const struct snp_metric *metric =
	    snp_snapshot_metric_find(f->snap, "snakepit.requests");
	uint64_t *told;
	struct snp_row *row;

	snp_series_iter_init(&it, f->snap, metric);
	assert_true(snp_series_next(&it, &series));
	told = ledger_words(f->ledger, 0, f->snap, &series, 1);
	assert_non_null(told);
	*told = 9;
	assert_ptr_equal(ledger_words(f->ledger, 0, f->snap, &series, 1), told);
	assert_int_equal(*told, 9);
	row = (struct snp_row *)(uintptr_t)snp_snapshot_row(f->snap, SNP_ROW_TOOL, 0);
	row->uid++;
	assert_ptr_equal(ledger_words(f->ledger, 0, f->snap, &series, 1), told);
	assert_int_equal(*told, 0);
}

/* A value below what was told is never told as such, nor as a huge number. */
static void flush_counter_that_fell_is_silent(void **state)
{
	struct fixture *f = *state;

	count_requests(f, 5);
	(void)flush(f, FLUSH_ALL);
	count_requests(f, UINT64_MAX - 1); /* less 2 */
	(void)flush(f, FLUSH_ALL);
	assert_false(names(f, REQUESTS));
	count_requests(f, 6);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, REQUESTS ":4|c"));
}

/* ---- latencies ----------------------------------------------------------- */

static void flush_histogram_as_counters_is_in_ms(void **state)
{
	struct fixture *f = *state;

	snp_hist_record(&f->writer.bank.tools[0].duration[0], 1500000);
	snp_hist_record(&f->writer.bank.tools[0].duration[0], 1600000);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, DURATION ".count" OF_TOOL ":2|c"));
	assert_true(has(f, DURATION ".sum_ms" OF_TOOL ":3|c"));
}

/* Value and rate of the one line of timings; how many observations it stands for. */
static uint64_t timing(const struct fixture *f, double *ret_ms)
{
	const char *at = strstr(f->sent, DURATION OF_TOOL ":");
	const char *rate;
	char *end;

	assert_non_null(at);
	assert_null(strstr(at + 1, DURATION OF_TOOL ":"));
	*ret_ms = strtod(strchr(at, ':') + 1, &end);
	assert_int_equal(strncmp(end, "|ms", 3), 0);
	rate = end + 3;
	if (*rate == '\n')
		return 1;
	assert_int_equal(strncmp(rate, "|@", 2), 0);
	return (uint64_t)(1.0 / strtod(rate + 2, NULL));
}

static void flush_histogram_as_timings_stands_for_all_of_a_bucket(void **state)
{
	struct fixture *f = *state;
	double ms;

	make_flush(f, FLUSH_LATENCY_TIMINGS, false);
	snp_hist_record(&f->writer.bank.tools[0].duration[0], 20000000);
	(void)flush(f, FLUSH_ALL);
	assert_int_equal(timing(f, &ms), 1);
	assert_true(ms > 20 * 0.954 && ms < 20 * 1.046);
	for (unsigned i = 0; i < 37; i++)
		snp_hist_record(&f->writer.bank.tools[0].duration[0], 20000000);
	(void)flush(f, FLUSH_ALL);
	assert_int_equal(timing(f, &ms), 37);
	assert_false(names(f, ".sum_ms"));
	(void)flush(f, FLUSH_ALL);
	assert_false(names(f, DURATION));
}

/* Nothing is left out where one line may not say it all. */
static void flush_timings_beyond_a_line_come_with_the_next_flush(void **state)
{
	struct fixture *f = *state;
	double ms;

	make_flush(f, FLUSH_LATENCY_TIMINGS, false);
	snp_hist_record(&f->writer.bank.tools[0].duration[0], 20000000);
	(void)flush(f, FLUSH_ALL);
	for (uint64_t i = 0; i < FORMAT_TIMES_MAX + 5; i++)
		snp_hist_record(&f->writer.bank.tools[0].duration[0], 20000000);
	(void)flush(f, FLUSH_ALL);
	assert_int_equal(timing(f, &ms), FORMAT_TIMES_MAX);
	(void)flush(f, FLUSH_ALL);
	assert_int_equal(timing(f, &ms), 5);
}

/* ---- gauges -------------------------------------------------------------- */

static void flush_gauges_are_told_each_time_while_there_is_a_runtime(void **state)
{
	struct fixture *f = *state;

	segment_fixture_run_worker(&f->writer, 4711);
	for (unsigned i = 0; i < 2; i++) {
		(void)flush(f, FLUSH_ALL);
		assert_true(has(f, "snakepit.workers.default.idle:1|g"));
		assert_true(has(f, "snakepit.workers.default.busy:0|g"));
		assert_true(has(f, "snakepit.heartbeat.missed.default.0:0|g"));
		assert_true(has(f, "snakepit.pool.breaker.state.default.closed:1|g"));
	}
	/* Who is in a slot is no metric here: a pid would be a new one each time. */
	assert_false(names(f, "snakepit.worker.info"));
	assert_false(names(f, "4711"));
	count_requests(f, 1);
	(void)flush(f, FLUSH_LASTING);
	assert_true(has(f, REQUESTS ":1|c"));
	assert_false(names(f, "snakepit.workers"));
	assert_false(names(f, "snakepit.heartbeat.missed"));
	assert_true(names(f, "snakepit.start_time:"));
}

/* ---- our own ------------------------------------------------------------- */

static void flush_own_figures_follow_the_same_rule(void **state)
{
	struct fixture *f = *state;
	struct flush_result result;
	uint64_t told = 0;

	for (unsigned refuse = 1; refuse <= 1; refuse--) {
		f->refuse = refuse;
		f->sent_len = 0;
		flush_begin(f->flush);
		flush_own_gauge(f->flush, "snakepit.up", 1);
		flush_own_counter(f->flush, "snakepit.statsd.packets.sent", 4, &told);
		assert_int_equal(flush_end(f->flush, &result), 0);
		assert_int_equal(result.failed, refuse);
		assert_int_equal(told, refuse ? 0 : 4);
	}
	assert_string_equal(f->sent,
			    "snakepit.up:1|g\nsnakepit.statsd.packets.sent:4|c\n");
}

/* ---- metrics of adapters ------------------------------------------------- */

static uint32_t declare(struct fixture *f, unsigned kind, const char *name,
			const char *unit)
{
	const struct snp_adapter_metric metric = {kind, name, unit, ""};
	uint32_t index = 0;

	assert_int_equal(snp_adapter_metric(f->writer.writer, &metric, &index, NULL),
			 0);
	if (kind != SNP_KIND_GAUGE)
		snp_adapter_begin(f->writer.writer, index, 0);
	return index;
}

/* As the exporter does when the segment has more metrics. */
static void attach_anew(struct fixture *f)
{
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	assert_int_equal(snp_segment_attach(f->writer.path, &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	assert_int_equal(ledger_reserve(f->ledger, f->snap), 0);
}

static void flush_metrics_that_come_later_start_from_zero(void **state)
{
	struct fixture *f = *state;
	uint32_t tokens, loss;

	count_requests(f, 5);
	(void)flush(f, FLUSH_ALL);
	tokens = declare(f, SNP_KIND_COUNTER, "tokens", "{token}");
	loss = declare(f, SNP_KIND_GAUGE, "loss", "");
	snp_add(snp_adapter_cell(f->writer.writer, tokens, 0), 7);
	attach_anew(f);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, "tokens.default:7|c"));
	assert_false(names(f, "loss"));	  /* not set yet */
	assert_false(names(f, REQUESTS)); /* told before */
	snp_set(snp_adapter_cell(f->writer.writer, loss, 0),
		UINT64_C(0x3FE0000000000000));
	snp_add(snp_adapter_cell(f->writer.writer, tokens, 0), 2);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, "tokens.default:2|c"));
	assert_true(has(f, "loss.default.0:0.5|g"));
}

static void flush_histogram_that_is_not_of_time_is_in_its_unit(void **state)
{
	struct fixture *f = *state;
	uint32_t batch = declare(f, SNP_KIND_HISTOGRAM, "batch", "{item}");

	snp_hist_record_long((void *)snp_adapter_cell(f->writer.writer, batch, 0),
			     32 * SNP_NS_PER_S);
	attach_anew(f);
	(void)flush(f, FLUSH_ALL);
	assert_true(has(f, "batch.count.default:1|c"));
	assert_true(has(f, "batch.sum.default:32|c"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(flush_tells_growth_once),
	    TEST(flush_metrics_that_come_later_start_from_zero),
	    TEST(flush_histogram_that_is_not_of_time_is_in_its_unit),
	    TEST(flush_after_a_baseline_tells_only_what_came_later),
	    TEST(flush_with_zeros_tells_all_counters),
	    TEST(flush_failed_datagrams_are_told_later),
	    TEST(flush_sums_equal_the_segment),
	    TEST(flush_row_used_again_starts_from_zero),
	    TEST(flush_counter_that_fell_is_silent),
	    TEST(flush_histogram_as_counters_is_in_ms),
	    TEST(flush_histogram_as_timings_stands_for_all_of_a_bucket),
	    TEST(flush_timings_beyond_a_line_come_with_the_next_flush),
	    TEST(flush_gauges_are_told_each_time_while_there_is_a_runtime),
	    TEST(flush_own_figures_follow_the_same_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
