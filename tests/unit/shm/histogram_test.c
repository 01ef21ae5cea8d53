/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms against their definition. A value v is in bucket k iff
 *
 *     10^9 * 2^((k-161)/8) < v <= 10^9 * 2^((k-160)/8)      [nanoseconds]
 *
 * and v <= 10^9 * 2^(e/8) iff v^8 <= 10^72 * 2^e: whole numbers, compared exactly here
 * with no table and no floating point.
 */
#include "snp_test.h"

#include <math.h>
#include <string.h>

#include "snakepit/read.h"
#include "snakepit/write.h"

/* ---- exact arithmetic ---------------------------------------------------- */

/* Little-endian base 2^32; 768 bits hold v^8 for any 64-bit v, and 10^72 * 2^(96+8*20).
 */
enum { LIMBS = 24 };
struct big {
	uint32_t limb[LIMBS];
};

static void big_multiply(struct big *b, uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (uint64_t)b->limb[i] * by;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static struct big big_product(const struct big *a, const struct big *b)
{
	struct big r = {{0}};

	for (int i = 0; i < LIMBS; i++) {
		uint64_t carry = 0;

		for (int k = 0; i + k < LIMBS; k++) {
			carry += (uint64_t)a->limb[i] * b->limb[k] + r.limb[i + k];
			r.limb[i + k] = (uint32_t)carry;
			carry >>= 32;
		}
		assert_int_equal(carry, 0);
	}
	return r;
}

static int big_compare(const struct big *a, const struct big *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

/* v <= 10^9 * 2^((k-160)/8), exactly: v^8 * 2^160 <= 10^72 * 2^k. */
static bool at_most_bound(uint64_t v, unsigned k)
{
	struct big left = {{(uint32_t)v, (uint32_t)(v >> 32)}}, right = {{1}};

	for (int i = 0; i < 3; i++)
		left = big_product(&left, &left);
	for (int i = 0; i < 160; i++)
		big_multiply(&left, 2);
	for (int i = 0; i < 72; i++)
		big_multiply(&right, 10);
	for (unsigned i = 0; i < k; i++)
		big_multiply(&right, 2);
	return big_compare(&left, &right) <= 0;
}

static unsigned exact_word(uint64_t v)
{
	unsigned low = 0, high = SNP_HIST_BUCKETS + 1;

	while (low <
	       high) { /* the first bound that v does not exceed; none: overflow */
		unsigned mid = (low + high) / 2;

		if (mid <= SNP_HIST_BUCKETS && !at_most_bound(v, mid))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* xorshift64*: the same values in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* ---- fixture: two metrics as a reader sees them -------------------------- */

struct fixture {
	char dir[64];
	struct snp_writer *w;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct snp_bank bank;
	const struct snp_metric *normal, *extended;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options o = {.instance = "h",
				       .pools_max = 1,
				       .workers_max = 1,
				       .tools_max = 1,
				       .banks_max = 1};
	uint32_t row;

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	o.dir = f->dir;
	assert_int_equal(snp_writer_create(&o, &f->w, NULL), 0);
	assert_int_equal(
	    snp_row_declare(f->w,
			    &(struct snp_row_decl){.kind = SNP_ROW_POOL, .name = "p"},
			    &row, NULL),
	    0);
	assert_int_equal(snp_bank_adopt(f->w, &f->bank), 0);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(f->w), &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	f->normal =
	    snp_snapshot_metric_find(f->snap, "snakepit.pool.queue.wait.duration");
	f->extended =
	    snp_snapshot_metric_find(f->snap, "snakepit.worker.lifetime.duration");
	assert_non_null(f->normal);
	assert_non_null(f->extended);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

/* Words of a histogram with one observation of `v`. */
static void one(uint64_t v, bool extended, uint64_t ret_words[SNP_HIST_WORDS])
{
	struct snp_fmt_hist h;

	memset(&h, 0, sizeof(h));
	if (extended)
		snp_hist_record_long(&h, v);
	else
		snp_hist_record(&h, v);
	for (int i = 0; i < SNP_HIST_WORDS; i++)
		ret_words[i] = snp_get(&h.bucket[i]);
	assert_int_equal(snp_get(&h.sum), v);
}

/* ---- the writer ---------------------------------------------------------- */

static void record_every_bound_is_upper_inclusive(void **state)
{
	(void)state;
	for (unsigned k = 0; k <= SNP_HIST_BUCKETS; k++) {
		uint64_t u = snp__hist_upper[k];

		assert_true(at_most_bound(u, k));
		assert_false(at_most_bound(u + 1, k));
		assert_int_equal(snp__hist_word(u - 1), k);
		assert_int_equal(snp__hist_word(u), k);
		assert_int_equal(snp__hist_word(u + 1), k + 1);
	}
}

static void record_random_values_go_where_the_definition_says(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		/* As many values in each octave. */
		uint64_t v = next_random(&seed) >> (next_random(&seed) % 64);

		assert_int_equal(snp__hist_word(v), exact_word(v));
	}
}

static void record_every_mantissa_cell_edge_agrees_with_the_bounds(void **state)
{
	(void)state;
	for (unsigned exponent = 4; exponent < 64; exponent++)
		for (uint64_t mantissa = 16; mantissa < 32; mantissa++) {
			uint64_t edge = mantissa << (exponent - 4);

			for (uint64_t v = edge - 1; v <= edge + 1; v++) {
				unsigned k = snp__hist_word(v);

				assert_true(v <= snp__hist_upper[k]);
				assert_true(k == 0 || v > snp__hist_upper[k - 1]);
			}
		}
}

static void record_extremes_go_to_the_outer_buckets(void **state)
{
	uint64_t words[SNP_HIST_WORDS];

	(void)state;
	assert_int_equal(snp__hist_word(0), 0);
	assert_int_equal(snp__hist_word(1), 0);
	assert_int_equal(snp__hist_word(UINT64_MAX), SNP_HIST_BUCKETS + 1);
	one(UINT64_MAX, true, words);
	assert_int_equal(words[SNP_HIST_BUCKETS + 1], 1);
	one(0, true, words);
	assert_int_equal(words[0], 1);
}

/* Steps of 64 ns, rounded up: no value is ever counted under a bound that it exceeds.
 */
static void record_long_is_the_same_in_steps_rounded_up(void **state)
{
	uint64_t seed = 2, words[SNP_HIST_WORDS];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		uint64_t v = next_random(&seed) >> (next_random(&seed) % 64);
		uint64_t steps = v / 64 + (v % 64 != 0);

		one(v, true, words);
		assert_int_equal(words[snp__hist_word(steps)], 1);
	}
}

/* ---- the reader ---------------------------------------------------------- */

static void bounds_of_the_reader_equal_those_of_the_writer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->normal->nbuckets, SNP_HIST_BUCKETS);
	for (unsigned k = 0; k <= SNP_HIST_BUCKETS; k++)
		assert_int_equal(snp_hist_upper_ns(f->normal, k), snp__hist_upper[k]);
	assert_int_equal(snp_hist_upper_ns(f->normal, SNP_HIST_BUCKETS + 1),
			 UINT64_MAX);
}

/* What lands in bucket k of the long variant is at most its bound, and the next value a
 * step further is above it. */
static void bounds_of_the_long_variant_hold_for_what_is_recorded(void **state)
{
	struct fixture *f = *state;
	uint64_t words[SNP_HIST_WORDS];

	for (unsigned k = 0; k <= SNP_HIST_BUCKETS; k++) {
		uint64_t upper = snp_hist_upper_ns(f->extended, k);

		one(upper + 1, true, words);
		for (unsigned i = 0; i <= k; i++)
			assert_int_equal(words[i], 0);
		one(upper / 64 * 64, true, words);
		assert_int_equal(words[k], 1);
	}
}

static void count_and_sum_are_those_of_all_records(void **state)
{
	struct fixture *f = *state;
	struct snp_fmt_hist *h = &f->bank.pools[0].queue_wait[0];
	const uint64_t *words;
	uint64_t sum = 0, seed = 3;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = next_random(&seed) >> 24;

		snp_hist_record(h, v);
		sum += v;
	}
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	words = snp_snapshot_hist(f->snap, f->normal, 0, 0);
	assert_int_equal(snp_hist_count(f->normal, words), 1000);
	assert_int_equal(words[f->normal->nbuckets + 2], sum);
	assert_null(snp_snapshot_hist(f->snap, f->normal, 1, 0));
	assert_null(snp_snapshot_hist(f->snap, f->normal, 0, 1));
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The value of rank ceil(q*n), as the buckets know it: within 4.5 %. */
static void quantiles_are_within_half_a_bucket(void **state)
{
	enum { N = 2000 };
	static const double qs[] = {0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
	struct fixture *f = *state;
	static uint64_t values[N], words[SNP_HIST_WORDS];
	uint64_t seed = 4;

	for (int round = 0; round < 20; round++) {
		memset(words, 0, sizeof(words));
		for (int i = 0; i < N; i++) {
			uint64_t narrow = next_random(&seed) % (1u << (4 + round));

			values[i] = 1000 + narrow * (1 + next_random(&seed) % 1000);
			words[snp__hist_word(values[i])]++;
		}
		qsort(values, N, sizeof(values[0]), by_size);
		for (size_t i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
			double rank = ceil(qs[i] * N);
			double exact = (double)values[rank < 1 ? 0 : (size_t)rank - 1];
			double got =
			    (double)snp_hist_quantile_ns(f->normal, words, qs[i]);

			if (fabs(got - exact) > 0.045 * exact)
				fail_msg("q=%g: %g instead of %g", qs[i], got, exact);
		}
	}
}

/* Observations all equal are where interpolation goes most wrong. */
static void quantiles_of_equal_values_are_within_half_a_bucket(void **state)
{
	struct fixture *f = *state;
	uint64_t words[SNP_HIST_WORDS];

	for (uint64_t v = 954; v < UINT64_C(1) << 41; v += 1 + v / 97) {
		one(v, false, words);
		words[snp__hist_word(v)] = 100;
		for (int eighth = 0; eighth <= 8; eighth++) {
			double q = eighth / 8.0;
			double got = (double)snp_hist_quantile_ns(f->normal, words, q);

			if (fabs(got - (double)v) > 0.045 * (double)v)
				fail_msg("q=%g: %g instead of %g", q, got, (double)v);
		}
	}
}

static void quantiles_outside_the_buckets_are_the_edges(void **state)
{
	struct fixture *f = *state;
	uint64_t words[SNP_HIST_WORDS] = {0};

	assert_int_equal(snp_hist_quantile_ns(f->normal, words, 0.5), 0);
	words[0] = 1;
	assert_int_equal(snp_hist_quantile_ns(f->normal, words, 0.5),
			 f->normal->zero_threshold_ns);
	words[0] = 0;
	words[SNP_HIST_BUCKETS + 1] = 1;
	assert_int_equal(snp_hist_quantile_ns(f->normal, words, 0.5),
			 snp__hist_upper[SNP_HIST_BUCKETS]);
}

/* At powers of two of a second a bound is a bucket's: the count is exact, to the
 * nanosecond, in both variants. */
static void count_le_is_exact_at_powers_of_two(void **state)
{
	struct fixture *f = *state;
	uint64_t words[SNP_HIST_WORDS];

	for (int e = -9; e <= 12; e++) { /* 10^9 / 2^9 is the last whole number */
		uint64_t bound = e < 0 ? SNP_NS_PER_S >> -e : SNP_NS_PER_S << e;
		const struct snp_metric *m[] = {f->normal, f->extended};

		for (int i = 0; i < 2; i++) {
			if (i == 1 && bound % 64)
				continue; /* between two steps of the long variant */
			one(bound, i == 1, words);
			assert_int_equal(snp_hist_count_le(m[i], words, bound), 1);
			one(bound + 1, i == 1, words);
			assert_int_equal(snp_hist_count_le(m[i], words, bound), 0);
			one(1, i == 1, words);
			assert_int_equal(snp_hist_count_le(m[i], words, bound), 1);
		}
	}
}

static void count_le_is_never_too_high_elsewhere(void **state)
{
	struct fixture *f = *state;
	const struct snp_metric *m[] = {f->normal, f->extended};
	uint64_t seed = 5, words[SNP_HIST_WORDS];

	for (int i = 0; i < 20000; i++) {
		uint64_t bound = next_random(&seed) >> (next_random(&seed) % 64);
		uint64_t v = bound + 1 + next_random(&seed) % (1 + bound / 16);

		if (v <= bound)
			continue; /* wrapped */
		for (int k = 0; k < 2; k++) {
			one(v, k == 1, words);
			assert_int_equal(snp_hist_count_le(m[k], words, bound), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    cmocka_unit_test(record_every_bound_is_upper_inclusive),
	    cmocka_unit_test(record_random_values_go_where_the_definition_says),
	    cmocka_unit_test(record_every_mantissa_cell_edge_agrees_with_the_bounds),
	    cmocka_unit_test(record_extremes_go_to_the_outer_buckets),
	    cmocka_unit_test(record_long_is_the_same_in_steps_rounded_up),
	    T(bounds_of_the_reader_equal_those_of_the_writer),
	    T(bounds_of_the_long_variant_hold_for_what_is_recorded),
	    T(count_and_sum_are_those_of_all_records),
	    T(quantiles_are_within_half_a_bucket),
	    T(quantiles_of_equal_values_are_within_half_a_bucket),
	    T(quantiles_outside_the_buckets_are_the_edges),
	    T(count_le_is_exact_at_powers_of_two),
	    T(count_le_is_never_too_high_elsewhere),
	};

	return cmocka_run_group_tests_name("shm/histogram", tests, NULL, NULL);
}
