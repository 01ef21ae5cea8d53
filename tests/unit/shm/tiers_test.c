/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tiers of a snapshot: the live cells and the writer's checksummed copy say the
 * same, for every kind of row; a copy that is not whole is refused. What happens while
 * rows come and go is churn_test.c's.
 */
#include "segment_expect.h"

/* ---- everything a snapshot says, as text --------------------------------- */

static void dump_row(FILE *out, const struct snp_snapshot *snap, unsigned kind,
		     uint32_t index)
{
	const struct snp_row *r = snp_snapshot_row(snap, kind, index);

	if (!r) {
		(void)fprintf(out, "%u.%u absent\n", kind, index);
		return;
	}
	(void)fprintf(
	    out,
	    "%u.%u uid %lu %s[%s] born %lu retired %lu '%s' of %u '%s' '%s' slot %u "
	    "inc %lu pid %d start %lu %lu ready %lu id '%s' python '%s' exit '%s' %u "
	    "error '%s' status %u\n",
	    kind, index, r->uid, r->tombstone ? "tombstone" : "live", r->retire_reason,
	    r->born_mono.ns, r->retired_mono.ns, r->name, r->pool, r->pool_name,
	    r->adapter, r->slot, r->incarnation, r->pid, r->start_mono.ns,
	    r->start_wall.ns, r->ready_mono.ns, r->worker_id, r->python,
	    r->last_exit_reason, r->last_exit_status, r->last_error,
	    kind == SNP_ROW_WORKER ? snp_snapshot_worker_status(snap, index) : 0);
}

static void dump_series(FILE *out, const struct snp_series *s)
{
	(void)fprintf(out, "%s", s->metric->name);
	for (unsigned i = 0; i < s->labels_nr; i++)
		(void)fprintf(out, " %s=%s", s->labels[i].prom_name,
			      s->labels[i].value);
	(void)fprintf(out, " row %u cell %u: %lu", s->row, s->cell, s->value);
	for (uint32_t i = 0; s->hist && i < s->metric->nbuckets + 3; i++)
		(void)fprintf(out, " %lu", s->hist[i]);
	(void)fputc('\n', out);
}

/* To be freed. */
static char *dump(const struct snp_snapshot *snap)
{
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(snap);
	struct snp_series_iter it;
	struct snp_series s;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	(void)fprintf(out,
		      "state %lu beat %lu dropped %lu %lu %lu stop %u skipped %lu\n",
		      stats->state, stats->heartbeat_seq, stats->rows_dropped,
		      stats->banks_exhausted, stats->text_truncated, stats->stop_reason,
		      stats->rows_skipped);
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, kind); i++)
			dump_row(out, snap, kind, i);
	snp_series_iter_init(&it, snap, NULL);
	while (snp_series_next(&it, &s))
		dump_series(out, &s);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* ---- a segment with every kind of row ------------------------------------ */

struct world {
	char dir[64];
	struct snp_writer *w;
	struct snp_bank bank[2];
	struct snp_segment *seg;
	struct snp_snapshot *live, *snap;
};

static uint32_t declare(struct world *world, unsigned kind, uint32_t pool,
			const char *name, const char *text)
{
	const struct snp_row_decl decl = {
	    .kind = kind, .pool = pool, .slot = 7, .name = name, .text = text};
	struct snp_err err = {0};
	uint32_t index = 0;

	if (snp_row_declare(world->w, &decl, &index, &err) < 0)
		fail_msg("%s", err.msg);
	return index;
}

/* Most bytes of everything, so that nothing is next to a NUL by chance. */
static void fill_full(struct world *world)
{
	char name[SNP_ROW_TEXT_BYTES + 1], text[SNP_TEXT_BYTES];
	uint64_t proc[SNP_LATCH_WORDS];
	uint64_t ledger[sizeof(struct snp_pool_ledger) / 8];
	uint32_t pool, worker, tool;

	memset(name, 'n', sizeof(name));
	name[SNP_ROW_TEXT_BYTES] = '\0';
	memset(text, 't', sizeof(text));
	text[SNP_TEXT_BYTES - 1] = '\0';
	for (unsigned i = 0; i < SNP_LATCH_WORDS; i++)
		proc[i] = 100 + i;
	proc[SNP_PROC_LAST_EXIT_REASON] = SNP_EXIT_REASON_OOM + 1;
	memcpy(&proc[SNP_PROC_PYTHON], "3.14.159-abcdefg", 16);
	for (unsigned i = 0; i < sizeof(ledger) / 8; i++)
		ledger[i] = 200 + i;
	pool = declare(world, SNP_ROW_POOL, 0, name, name);
	worker = declare(world, SNP_ROW_WORKER, pool, NULL, NULL);
	tool = declare(world, SNP_ROW_TOOL, pool, name, NULL);
	snp_latch_publish(&snp_pool_row(world->w, pool)->ledger, ledger,
			  sizeof(ledger) / 8);
	snp_latch_publish(&snp_worker_row(world->w, worker)->proc, proc,
			  SNP_LATCH_WORDS);
	snp_worker_text_set(world->w, worker, text);
	snp_set(snp_worker_row(world->w, worker)->sup.state, SNP_WORKER_STATE_READY);
	snp_set(snp_worker_row(world->w, worker)->hot.worker_active, 3);
	for (unsigned b = 0; b < 2; b++) {
		snp_add(world->bank[b].proc->log_dropped, 1 + b);
		snp_add(world->bank[b].tools[tool].requests, 10 + b);
		snp_hist_record(world->bank[b].tools[tool].duration, 1000000 * (b + 1));
		snp_hist_record_long(world->bank[b].pools[pool].lifetime, 5000);
	}
}

/* Tombstones of two kinds, one of them in a row that is used again. */
static void fill_retired(struct world *world)
{
	const struct timespec quarantine = {.tv_nsec = 2000000};
	uint32_t pool = declare(world, SNP_ROW_POOL, 0, "retired", "x.Y"), tool;

	tool = declare(world, SNP_ROW_TOOL, pool, "old", NULL);
	snp_add(world->bank[0].tools[tool].requests, 77);
	snp_row_retire(world->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
	while (snp_row_declare(world->w,
			       &(struct snp_row_decl){
				   .kind = SNP_ROW_TOOL, .pool = pool, .name = "new"},
			       &tool, NULL) < 0)
		(void)nanosleep(&quarantine, NULL);
	snp_row_retire(world->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
}

static int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct snp_writer_options o = {.instance = "tiers",
				       .pools_max = 3,
				       .workers_max = 3,
				       .tools_max = 2,
				       .banks_max = 2,
				       .reuse_quarantine_ms = 1,
				       .events_per_ring = 8,
				       .spans_per_ring = 8};

	assert_non_null(world);
	snp_test_tmpdir_make(world->dir, sizeof(world->dir));
	o.dir = world->dir;
	assert_int_equal(snp_writer_create(&o, &world->w, NULL), 0);
	for (unsigned b = 0; b < 2; b++)
		assert_int_equal(snp_bank_adopt(world->w, &world->bank[b]), 0);
	assert_int_equal(snp_writer_publish(world->w, NULL), 0);
	assert_int_equal(
	    snp_segment_attach(snp_writer_path(world->w), &world->seg, NULL), 0);
	*state = world;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *world = *state;

	snp_snapshot_destroy(&world->live);
	snp_snapshot_destroy(&world->snap);
	snp_segment_detach(&world->seg);
	snp_writer_close(&world->w);
	snp_test_tmpdir_remove(world->dir);
	free(world);
	return 0;
}

static void look_twice(struct world *world)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(world->seg, &world->live, &err) < 0 ||
	    snp_segment_snapshot_from(world->seg, SNP_TIER_SNAP, &world->snap, &err) <
		0)
		fail_msg("%s", err.msg);
}

static void expect_same(struct world *world)
{
	char *live, *snap;

	snp_writer_snap(world->w);
	look_twice(world);
	live = dump(world->live);
	snap = dump(world->snap);
	assert_string_equal(live, snap);
	free(live);
	free(snap);
}

/* ---- the same ------------------------------------------------------------ */

static void tiers_of_any_segment_say_the_same(void **state)
{
	struct world *world = *state;
	char *text;

	expect_same(world); /* no rows at all */
	fill_full(world);
	expect_same(world);
	expect_same(world); /* the other half */
	fill_retired(world);
	expect_same(world);
	(void)declare(world, SNP_ROW_POOL, 0, "the last", NULL);
	assert_int_equal(snp_row_declare(world->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_POOL,
								.name = "one more"},
					 &(uint32_t){0}, NULL),
			 -ENOSPC);
	expect_same(world);
	/* And that is not because both say nothing. */
	text = dump(world->snap);
	assert_non_null(strstr(text, "nnnnnnnn/7#100' python '3.14.159-abcdefg' exit "
				     "'oom'"));
	assert_non_null(strstr(text, "tttttttt"));
	assert_non_null(strstr(text, "tombstone[idle]"));
	assert_non_null(strstr(text, "snakepit.requests pool=nnnn"));
	assert_non_null(strstr(text, "row 0 cell 0: 21\n"));
	assert_non_null(strstr(text, "snakepit.segment.rows.dropped row 0 cell 0: "));
	assert_true(snp_snapshot_stats(world->snap)->rows_dropped > 0);
	free(text);
}

/* ---- what a copy leaves alone -------------------------------------------- */

/* A row that held a histogram is zero in the next life, also in the copy that a reader
 * makes where it had one of the life before. */
static void second_copy_forgets_what_is_zero_now(void **state)
{
	const struct timespec quarantine = {.tv_nsec = 2000000};
	struct snp_row_decl decl = {.kind = SNP_ROW_TOOL, .name = "new"};
	struct world *world = *state;
	uint32_t tool, again;

	decl.pool = declare(world, SNP_ROW_POOL, 0, "pool", "x.Y");
	tool = declare(world, SNP_ROW_TOOL, decl.pool, "old", NULL);
	while (snp_row_declare(world->w, &decl, &again, NULL) == 0)
		;
	for (unsigned bit = 0; bit < 40; bit += 9)
		snp_hist_record(world->bank[1].tools[tool].duration, UINT64_C(1)
									 << bit);
	expect_same(world);
	snp_row_retire(world->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
	while (snp_row_declare(world->w, &decl, &again, NULL) < 0)
		(void)nanosleep(&quarantine, NULL);
	assert_int_equal(again, tool);
	snp_hist_record(world->bank[0].tools[tool].duration, 1000);
	expect_same(world);
}

/* One more row moves those behind it: there is room for it, but what is there is of
 * others. */
static void copy_with_other_places_begins_anew(void **state)
{
	struct world *world = *state;
	uint32_t pool = declare(world, SNP_ROW_POOL, 0, "pool", "x.Y");
	uint32_t tool = declare(world, SNP_ROW_TOOL, pool, "tool", NULL);

	for (unsigned bit = 20; bit < 42; bit++)
		snp_hist_record(world->bank[0].tools[tool].duration, UINT64_C(1)
									 << bit);
	expect_same(world);
	(void)declare(world, SNP_ROW_POOL, 0, "other", "x.Y");
	expect_same(world);
	for (unsigned i = 0; i < 3; i++) {
		(void)declare(world, SNP_ROW_WORKER, pool, NULL, NULL);
		expect_same(world);
	}
}

static void expect_span(const struct snp_snapshot *snap, const struct snp_series *s,
			uint32_t most)
{
	struct snp_hist_span span = snp_series_span(snap, s);

	assert_true(span.first <= span.end && span.end <= s->metric->nbuckets + 2);
	assert_true(span.end - span.first <= most);
	for (uint32_t i = 0; i < s->metric->nbuckets + 2; i++)
		if (i < span.first || i >= span.end)
			assert_int_equal(s->hist[i], 0);
}

static void span_holds_every_word_in_use_and_few_others(void **state)
{
	/* Lines of eight words: buckets of 1 and 2 ms are in two or three of them. */
	const uint32_t few = 24;
	struct world *world = *state;
	struct snp_series_iter it;
	struct snp_series s;
	unsigned used = 0;

	fill_full(world);
	expect_same(world);
	snp_series_iter_init(&it, world->live, NULL);
	while (snp_series_next(&it, &s)) {
		if (!s.hist)
			continue;
		used += s.hist[s.metric->nbuckets + 2] > 0;
		expect_span(world->live, &s, few);
	}
	assert_int_equal(used, 2);
	assert_int_equal(
	    snp_segment_snapshot_from(world->seg, SNP_TIER_SNAP, &world->live, NULL),
	    0);
	snp_series_iter_init(&it, world->live, NULL);
	while (snp_series_next(&it, &s))
		if (s.hist)
			expect_span(world->live, &s, s.metric->nbuckets + 2);
}

static void text_of_any_length_is_whole_in_both_tiers(void **state)
{
	static const size_t lengths[] = {SNP_TEXT_BYTES - 1, 8, 7, 0, 1, 9};
	struct world *world = *state;

	fill_full(world);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char text[SNP_TEXT_BYTES] = {0};

		memset(text, 'a' + (int)i, lengths[i]);
		snp_worker_text_set(world->w, 0, text);
		expect_same(world);
		assert_string_equal(
		    text, snp_snapshot_row(world->live, SNP_ROW_WORKER, 0)->last_error);
	}
}

static void tiers_of_the_bench_say_the_same(void **state)
{
	struct lab *lab = *state;
	struct world world = {.w = NULL};
	char *live, *snap;

	assert_int_equal(snp_segment_attach(lab->path, &world.seg, NULL), 0);
	look_twice(&world);
	live = dump(world.live);
	snap = dump(world.snap);
	assert_string_equal(live, snap);
	free(live);
	free(snap);
	snp_snapshot_destroy(&world.live);
	snp_snapshot_destroy(&world.snap);
	snp_segment_detach(&world.seg);
}

/* What was stored after the last SNAP is seen in the live tier only. */
static void snap_tier_shows_the_moment_it_was_taken(void **state)
{
	struct world *world = *state;
	const struct snp_metric *m;

	snp_writer_snap(world->w);
	snp_add(world->bank[0].proc->log_dropped, 5);
	look_twice(world);
	m = snp_snapshot_metric_find(world->live, "snakepit.log.lines.dropped");
	assert_int_equal(snp_snapshot_value(world->live, m, 0, 0), 5);
	assert_int_equal(snp_snapshot_value(world->snap, m, 0, 0), 0);
	assert_int_equal(snp_snapshot_stats(world->live)->tier, SNP_TIER_LIVE);
	assert_int_equal(snp_snapshot_stats(world->snap)->tier, SNP_TIER_SNAP);
	assert_true(snp_snapshot_stats(world->snap)->end.ns <
		    snp_snapshot_stats(world->live)->begin.ns);
}

/* One snapshot object, filled from either tier in turn, while the number of rows
 * grows. */
static void snapshot_object_serves_both_tiers_in_turn(void **state)
{
	struct world *world = *state;
	char *first, *second;

	for (int i = 0; i < 3; i++) {
		(void)declare(world, SNP_ROW_POOL, 0, "grows", "a.B");
		snp_writer_snap(world->w);
		assert_int_equal(snp_segment_snapshot_from(world->seg, SNP_TIER_SNAP,
							   &world->snap, NULL),
				 0);
		first = dump(world->snap);
		assert_int_equal(snp_segment_snapshot(world->seg, &world->snap, NULL),
				 0);
		second = dump(world->snap);
		assert_string_equal(first, second);
		free(first);
		free(second);
	}
}

/* ---- no SNAP, or none that is whole -------------------------------------- */

static void expect_snap(struct lab *lab, int rc)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};

	assert_int_equal(snp_segment_attach(lab->path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot_from(seg, SNP_TIER_SNAP, &snap, &err),
			 rc);
	if (rc < 0) {
		assert_string_equal(err.field, "snap");
		assert_non_null(strstr(err.msg, lab->path));
		assert_int_equal(snp_snapshot_rows_nr(snap, SNP_ROW_POOL), 0);
	}
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	lab_restore(lab);
}

static void snap_tier_without_snap_returns_eagain(void **state)
{
	struct lab *lab = *state;
	uint64_t i = 0;

	snp_set(&lab_header(lab)->snap_seq, 0);
	expect_snap(lab, -EAGAIN);
	while (lab_dir(lab)[i].type != SNP_REGION_SNAP)
		i++;
	lab_dir(lab)[i].type = 999;
	lab_seal(lab);
	expect_snap(lab, -EAGAIN);
}

static void snap_tier_with_any_flipped_bit_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint64_t length = lab_snap(lab)->length;

	for (uint64_t at = 0; at < length; at += at < 1024 ? 1 : 61) {
		((unsigned char *)lab_snap(lab))[at] ^= (unsigned char)(1 << at % 8);
		expect_snap(lab, -EBADMSG);
	}
	snp_add(&lab_header(lab)->snap_seq, 2); /* this half, of another time */
	expect_snap(lab, -EBADMSG);
}

/* The half that nobody selected may be half-written: nobody looks at it. */
static void snap_tier_ignores_the_other_half(void **state)
{
	struct lab *lab = *state;
	const struct snp_fmt_region *r = lab_region(lab, SNP_REGION_SNAP, 0);
	uint64_t other = (snp_get(&lab_header(lab)->snap_seq) & 1) ^ 1;

	memset(lab->map + r->off + other * r->outer_stride, 0xA5, r->len);
	expect_snap(lab, 0);
}

/* Behind a good checksum: tables that lead outside, or not where the values are. */
static void snap_tier_with_wrong_tables_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	const uint64_t wrong[] = {1,	      4,
				  8,	      lab_snap(lab)->length,
				  UINT32_MAX, UINT64_C(1) << 61,
				  UINT64_MAX, UINT64_MAX - 7};
	const struct snp_fmt_snap_table *good;
	uint64_t *word;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		for (size_t field = 0; field < sizeof(*good) / sizeof(*word); field++)
			for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
				word = (uint64_t *)&lab_snap(lab)->table[kind] + field;
				*word = wrong[i];
				lab_seal_snap(lab);
				/* One row, or fewer than there are, is no damage. */
				expect_snap(lab,
					    field == 1 && wrong[i] == 1 ? 0 : -EBADMSG);
			}
	good = &lab_snap(lab)->table[SNP_ROW_WORKER];
	assert_true(good->record && good->text && good->cells && !good->sums);
	lab_snap(lab)->table[SNP_ROW_PROC].count = 0;
	lab_seal_snap(lab);
	expect_snap(lab, -EBADMSG);
	lab_snap(lab)->table[SNP_ROW_WORKER].text = 0;
	lab_seal_snap(lab);
	expect_snap(lab, -EBADMSG);
	lab_snap(lab)->length += 8;
	lab_seal_snap(lab);
	expect_snap(lab, 0); /* room behind the tables is nobody's business */
	lab_snap(lab)->length = sizeof(struct snp_fmt_snap) - 8;
	expect_snap(lab, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define W(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define L(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	    W(tiers_of_any_segment_say_the_same),
	    W(second_copy_forgets_what_is_zero_now),
	    W(copy_with_other_places_begins_anew),
	    W(span_holds_every_word_in_use_and_few_others),
	    W(text_of_any_length_is_whole_in_both_tiers),
	    L(tiers_of_the_bench_say_the_same),
	    W(snap_tier_shows_the_moment_it_was_taken),
	    W(snapshot_object_serves_both_tiers_in_turn),
	    L(snap_tier_without_snap_returns_eagain),
	    L(snap_tier_with_any_flipped_bit_returns_ebadmsg),
	    L(snap_tier_ignores_the_other_half),
	    L(snap_tier_with_wrong_tables_returns_ebadmsg),
	};

	return cmocka_run_group_tests_name("shm/tiers", tests, NULL, NULL);
}
