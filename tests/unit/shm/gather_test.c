/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering beside a writer that moves in the worst possible moment: between two words
 * of the same copy. A page that is about to be read is taken away; the fault that
 * follows is where the writer acts. One thread, so each case is the same in every run.
 */
#include "snp_test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "gather.h"
#include "snakepit/check.h"
#include "snakepit/write.h"
#include "words.h"

enum { PAGE = 4096, PAGES = 64, ROWS = 2 };
#define NOWHERE UINT64_MAX

/* ---- the trap ------------------------------------------------------------ */

/* Memory twice: `ours` for the writer, `theirs` for what is tested. Of two pages of
 * theirs one at a time is away: when `page` is touched the writer acts, when `back` is
 * touched `page` goes away again. */
struct trap {
	unsigned char *ours, *theirs;
	unsigned char *page, *back; /* back NULL: the writer acts once */
	void (*act)(struct trap *trap);
	unsigned left; /* times that it still acts */
	unsigned acted;
	struct snp__source source;
	struct snp_fmt_region regions[2];
};

static struct trap *armed;

static unsigned char *take_away(unsigned char *page)
{
	SNP_CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
	return page;
}

/* The writer acts whenever the page of `off` is touched, once for each touch of that of
 * `back_off`. */
static void set_trap(struct trap *trap, uint64_t off, uint64_t back_off)
{
	trap->page = take_away(trap->theirs + off / PAGE * PAGE);
	trap->back = back_off == NOWHERE ? NULL : trap->theirs + back_off / PAGE * PAGE;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	unsigned char *at = (unsigned char *)((uintptr_t)info->si_addr & ~(PAGE - 1UL));

	(void)sig;
	(void)context;
	SNP_CHECK(armed && (at == armed->page || at == armed->back));
	SNP_CHECK(mprotect(at, PAGE, PROT_READ) == 0);
	if (at == armed->back) {
		(void)take_away(armed->page);
		return;
	}
	if (armed->left > 0) {
		armed->left--;
		armed->acted++;
		armed->act(armed);
	}
	if (armed->left > 0 && armed->back)
		(void)take_away(armed->back);
}

static int setup(void **state)
{
	struct trap *trap = calloc(1, sizeof(*trap));
	int fd = memfd_create("trap", MFD_CLOEXEC);

	assert_non_null(trap);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)PAGES * PAGE), 0);
	trap->ours =
	    mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	trap->theirs = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(trap->ours != MAP_FAILED && trap->theirs != MAP_FAILED);
	close(fd);
	trap->left = UINT32_MAX;
	armed = trap;
	*state = trap;
	return 0;
}

static int teardown(void **state)
{
	struct trap *trap = *state;

	armed = NULL;
	munmap(trap->ours, (size_t)PAGES * PAGE);
	munmap(trap->theirs, (size_t)PAGES * PAGE);
	free(trap);
	return 0;
}

/* cmocka takes the signal for itself around each test. */
static void traps_on(void)
{
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	SNP_CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

/* ---- a latch ------------------------------------------------------------- */

/* Its sequence is the last word of page 0, its copies are on page 1. */
enum { LATCH_OFF = PAGE - 64, COPIES_OFF = PAGE };

static struct snp_fmt_latch *latch(struct trap *trap)
{
	return (struct snp_fmt_latch *)(void *)(trap->ours + LATCH_OFF);
}

static void publish(struct trap *trap)
{
	uint64_t words[SNP_LATCH_WORDS];

	for (unsigned i = 0; i < SNP_LATCH_WORDS; i++)
		words[i] = snp_get(&latch(trap)->seq) + 1;
	snp_latch_publish(latch(trap), words, SNP_LATCH_WORDS);
}

/* Two publications after the sequence was read: the copy it selects is another record.
 */
static void publish_twice(struct trap *trap)
{
	publish(trap);
	publish(trap);
}

static const struct snp__latch_shape shape = {
    .off = LATCH_OFF,
    .first = offsetof(struct snp_fmt_latch, copy) / 8,
    .words = SNP_LATCH_WORDS,
};

static void latch_that_moves_while_it_is_copied_is_copied_again(void **state)
{
	struct trap *trap = *state;
	uint64_t words[SNP_LATCH_WORDS];
	unsigned retries = 0;

	traps_on();
	publish(trap);
	trap->act = publish_twice;
	trap->left = 3;
	set_trap(trap, COPIES_OFF, LATCH_OFF);
	assert_int_equal(snp__latch_load(trap->theirs, shape, words, &retries), 0);
	assert_int_equal(retries, 3);
	assert_int_equal(trap->acted, 3);
	for (unsigned i = 0; i < SNP_LATCH_WORDS; i++)
		assert_int_equal(words[i], 7);
}

static void latch_that_never_rests_is_given_up(void **state)
{
	struct trap *trap = *state;
	uint64_t words[SNP_LATCH_WORDS];
	unsigned retries = 0;

	traps_on();
	publish(trap);
	trap->act = publish_twice;
	set_trap(trap, COPIES_OFF, LATCH_OFF);
	assert_int_equal(snp__latch_load(trap->theirs, shape, words, &retries),
			 -EAGAIN);
	assert_true(retries > 0 && retries == trap->acted);
}

/* ---- rows ---------------------------------------------------------------- */

/* A segment of tools alone: the header page, ROWD on page 1, BANK on pages 2 and 3.
 * Each bank entry is a little more than half a page: that of row 1 crosses a page, and
 * with it the histogram that is all of it. */
enum {
	ROWD_OFF = PAGE,
	BANK_OFF = 2 * PAGE,
	ROW = 1,
	BANK_ENTRY = BANK_OFF + ROW * (int)sizeof(struct snp_tool_cells),
};

static struct snp_fmt_row *row(struct trap *trap)
{
	return (struct snp_fmt_row *)(void *)(trap->ours + ROWD_OFF) + ROW;
}

static struct snp_tool_cells *cells(struct trap *trap)
{
	return (struct snp_tool_cells *)(void *)(trap->ours + BANK_ENTRY);
}

static void make_tools(struct trap *trap)
{
	struct snp_fmt_header *h = (void *)trap->ours;

	trap->regions[0] = (struct snp_fmt_region){.type = SNP_REGION_ROWD,
						   .kind = SNP_ROW_TOOL,
						   .off = ROWD_OFF,
						   .stride = sizeof(struct snp_fmt_row),
						   .count = ROWS,
						   .outer_count = 1};
	trap->regions[1] =
	    (struct snp_fmt_region){.type = SNP_REGION_BANK,
				    .kind = SNP_ROW_TOOL,
				    .off = BANK_OFF,
				    .stride = sizeof(struct snp_tool_cells),
				    .count = ROWS,
				    .outer_count = 1};
	trap->source = (struct snp__source){
	    .map = trap->theirs, .regions = trap->regions, .regions_nr = 2};
	snp_set(&h->row_high[SNP_ROW_TOOL], ROWS);
	snp_set(&h->bank_high, 1);
	snp_set(&row(trap)->gen, SNP_GEN_LIVE);
	snp_set(&row(trap)->uid, 1);
	snp_set(cells(trap)->requests, 1);
}

struct image {
	struct snp_fmt_snap head;
	unsigned char *bytes;
	unsigned retries;
};

static struct image gather(struct trap *trap)
{
	struct image image = {.retries = 0};

	assert_int_equal(snp__gather_plan(&trap->source, &image.head), 0);
	image.bytes = calloc(1, image.head.length);
	assert_non_null(image.bytes);
	snp__gather(&trap->source, &image.head, image.bytes, &image.retries);
	return image;
}

static const unsigned char *entry(const struct image *image)
{
	const struct snp_fmt_snap_table *t = &image->head.table[SNP_ROW_TOOL];

	return image->bytes + t->off + ROW * t->stride;
}

/* The row gets another life, with other values. */
static void recycle(struct trap *trap)
{
	uint64_t gen = snp_get(&row(trap)->gen);

	atomic_store_explicit(&row(trap)->gen, gen + 1, memory_order_release);
	snp_set(&row(trap)->gen, gen + 2);
	atomic_thread_fence(memory_order_release);
	snp_add(&row(trap)->uid, 1);
	snp_set(cells(trap)->requests, snp_get(&row(trap)->uid));
	atomic_store_explicit(&row(trap)->gen, gen + 4, memory_order_release);
}

static uint64_t requests_of(const struct image *image)
{
	return snp__load(entry(image), image->head.table[SNP_ROW_TOOL].sums +
					   offsetof(struct snp_tool_cells, requests));
}

static void row_recycled_while_it_is_copied_is_copied_again(void **state)
{
	struct trap *trap = *state;
	struct image image;

	traps_on();
	make_tools(trap);
	trap->act = recycle;
	trap->left = 3;
	set_trap(trap, BANK_ENTRY, ROWD_OFF);
	image = gather(trap);
	assert_int_equal(image.retries, 3);
	assert_int_equal(image.head.rows_unsettled, 0);
	assert_int_equal(snp__load(entry(&image), 0) % 4, SNP_GEN_LIVE);
	assert_int_equal(snp__load(entry(&image), offsetof(struct snp_fmt_row, uid)),
			 4);
	assert_int_equal(requests_of(&image), 4);
	free(image.bytes);
}

static void row_recycled_again_and_again_is_left_out_and_counted(void **state)
{
	struct trap *trap = *state;
	struct image image;

	traps_on();
	make_tools(trap);
	trap->act = recycle;
	set_trap(trap, BANK_ENTRY, ROWD_OFF);
	image = gather(trap);
	assert_int_equal(image.retries, 4);
	assert_int_equal(image.head.rows_unsettled, 1);
	assert_int_equal(snp__load(entry(&image), 0), 0);
	free(image.bytes);
}

/* An observation while a histogram is half copied: of those that are summed, each one
 * is counted. */
static void observe(struct trap *trap)
{
	snp_hist_record(cells(trap)->duration, 1000000);
}

static void histogram_sum_is_never_ahead_of_its_buckets(void **state)
{
	const size_t duration = offsetof(struct snp_tool_cells, duration);
	const uint64_t pages[] = {BANK_ENTRY, BANK_ENTRY + duration + 2064};
	struct trap *trap = *state;

	traps_on();
	make_tools(trap);
	trap->act = observe;
	/* The buckets of what is recorded and the sum are on different pages; first the
	 * one is late, then the other. */
	assert_true(pages[0] / PAGE != pages[1] / PAGE);
	for (size_t i = 0; i < 2; i++) {
		struct image image;
		uint64_t at, count = 0, sum;

		set_trap(trap, pages[i], NOWHERE);
		image = gather(trap);
		at = image.head.table[SNP_ROW_TOOL].sums + duration;
		for (unsigned b = 0; b < SNP_HIST_WORDS; b++)
			count += snp__load(entry(&image), at + sizeof(uint64_t) * b);
		sum = snp__load(entry(&image), at + offsetof(struct snp_fmt_hist, sum));
		assert_int_equal(trap->acted, i + 1);
		assert_true(sum <= count * 1000000);
		free(image.bytes);
	}
}

/* ---- rows and their pool ------------------------------------------------- */

/* Pools on page 1, tools on page 2: one of each, and no values. */
enum { POOLS_OFF = PAGE, TOOLS_OFF = 2 * PAGE };

static struct snp_fmt_row *row_on_page(struct trap *trap, uint64_t off)
{
	return (struct snp_fmt_row *)(void *)(trap->ours + off);
}

static void make_pool_and_tool(struct trap *trap)
{
	struct snp_fmt_header *h = (void *)trap->ours;
	const struct snp_fmt_region rows = {.type = SNP_REGION_ROWD,
					    .stride = sizeof(struct snp_fmt_row),
					    .count = 1,
					    .outer_count = 1};

	trap->regions[0] = trap->regions[1] = rows;
	trap->regions[0].kind = SNP_ROW_POOL;
	trap->regions[0].off = POOLS_OFF;
	trap->regions[1].kind = SNP_ROW_TOOL;
	trap->regions[1].off = TOOLS_OFF;
	trap->source = (struct snp__source){
	    .map = trap->theirs, .regions = trap->regions, .regions_nr = 2};
	snp_set(&h->row_high[SNP_ROW_POOL], 1);
	snp_set(&h->row_high[SNP_ROW_TOOL], 1);
	snp_set(&row_on_page(trap, POOLS_OFF)->gen, SNP_GEN_LIVE);
	snp_set(&row_on_page(trap, TOOLS_OFF)->gen, SNP_GEN_LIVE);
}

static void retire_both(struct trap *trap)
{
	snp_set(&row_on_page(trap, TOOLS_OFF)->gen, SNP_GEN_TOMBSTONE);
	snp_set(&row_on_page(trap, POOLS_OFF)->gen, SNP_GEN_TOMBSTONE);
}

/* Both rows get another life. */
static void recycle_both(struct trap *trap)
{
	snp_set(&row_on_page(trap, POOLS_OFF)->gen, 4 + SNP_GEN_LIVE);
	snp_set(&row_on_page(trap, TOOLS_OFF)->gen, 4 + SNP_GEN_LIVE);
}

static uint64_t gen_in(const struct image *image, unsigned kind)
{
	return snp__load(image->bytes, image->head.table[kind].off);
}

/* The tool belongs to the pool that came after the one we have: under the name of that
 * it would be shown as somebody else's. */
static void pool_replaced_before_its_tools_are_copied_is_left_out(void **state)
{
	struct trap *trap = *state;
	struct image image;

	traps_on();
	make_pool_and_tool(trap);
	trap->act = recycle_both;
	set_trap(trap, TOOLS_OFF, NOWHERE);
	image = gather(trap);
	assert_int_equal(trap->acted, 1);
	assert_int_equal(gen_in(&image, SNP_ROW_TOOL), 4 + SNP_GEN_LIVE);
	assert_int_equal(gen_in(&image, SNP_ROW_POOL), 0);
	assert_int_equal(image.head.rows_unsettled, 1);
	free(image.bytes);
}

static void pool_retired_before_its_tools_are_copied_is_kept(void **state)
{
	struct trap *trap = *state;
	struct image image;

	traps_on();
	make_pool_and_tool(trap);
	trap->act = retire_both;
	set_trap(trap, TOOLS_OFF, NOWHERE);
	image = gather(trap);
	assert_int_equal(trap->acted, 1);
	assert_int_equal(gen_in(&image, SNP_ROW_TOOL), SNP_GEN_TOMBSTONE);
	assert_int_equal(gen_in(&image, SNP_ROW_POOL), SNP_GEN_LIVE);
	assert_int_equal(image.head.rows_unsettled, 0);
	free(image.bytes);
}

/* ---- plan ---------------------------------------------------------------- */

static void plan_refuses_a_watermark_beyond_its_region(void **state)
{
	struct trap *trap = *state;
	struct snp_fmt_header *h = (void *)trap->ours;
	struct snp_fmt_snap head;

	make_tools(trap);
	memset(&head, 0xA5, sizeof(head));
	snp_set(&h->row_high[SNP_ROW_TOOL], ROWS + 1);
	assert_int_equal(snp__gather_plan(&trap->source, &head), -EBADMSG);
	assert_int_equal(head.length, UINT64_C(0xA5A5A5A5A5A5A5A5));
	snp_set(&h->row_high[SNP_ROW_TOOL], UINT64_MAX);
	assert_int_equal(snp__gather_plan(&trap->source, &head), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(latch_that_moves_while_it_is_copied_is_copied_again),
	    T(latch_that_never_rests_is_given_up),
	    T(row_recycled_while_it_is_copied_is_copied_again),
	    T(row_recycled_again_and_again_is_left_out_and_counted),
	    T(histogram_sum_is_never_ahead_of_its_buckets),
	    T(pool_replaced_before_its_tools_are_copied_is_left_out),
	    T(pool_retired_before_its_tools_are_copied_is_kept),
	    T(plan_refuses_a_watermark_beyond_its_region),
	};

	return cmocka_run_group_tests_name("shm/gather", tests, NULL, NULL);
}
