/* SPDX-License-Identifier: Apache-2.0 */
/* Segments are made, found, read and removed, with each allocation and system call
 * failing in turn. */
#include "fault.h"

#include "segment_fixture.h"
#include "snakepit/read.h"

static struct {
	char dir[64], lock[96], uuid[40]; /* of the last run */
	struct segment_fixture live;	  /* elsewhere, to be read */
} f;

/* ---- the writer ---------------------------------------------------------- */

/* The same instance in the same directory, from nothing to a clean stop. */
static int make_segment(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct snp_writer_options options = {
	    .dir = f.dir,
	    .instance = "faulty",
	    .pools_max = 2,
	    .workers_max = 2,
	    .tools_max = 2,
	    .banks_max = 1,
	    .adapter_metrics_max = 2,
	    .flags = SNP_WRITER_ALLOW_DISK | *(const unsigned *)user,
	};
	const struct snp_row_decl decl = {
	    .kind = SNP_ROW_POOL, .name = "default", .text = "demo.Adapter"};
	struct snp_writer *writer = NULL;
	struct snp_bank bank;
	uint32_t row = UINT32_MAX;
	int rc = snp_writer_create(&options, &writer, err);

	if (rc == 0) {
		/* What a run started is found by it, so that two never have the same.
		 */
		assert_string_not_equal(snp_writer_uuid(writer), f.uuid);
		(void)snprintf(f.uuid, sizeof(f.uuid), "%s", snp_writer_uuid(writer));
		rc = snp_row_declare(writer, &decl, &row, err);
	}
	if (rc == 0) {
		rc = snp_bank_adopt(writer, &bank);
		if (rc < 0)
			(void)snp_err_set(err, rc, "no bank");
	}
	if (rc == 0)
		rc = snp_writer_publish(writer, err);
	if (rc == 0) {
		snp_writer_heartbeat(writer, 0, 1);
		*ret_result = snp_writer_size(&options) + row;
	}
	snp_writer_remove(&writer);
	/* A lock that could not be had stays: it may be another's. */
	if (rc < 0 && strstr(err->msg, "cannot lock") && strstr(err->msg, ".lock"))
		assert_int_equal(unlink(f.lock), 0);
	return rc;
}

static void a_writer_that_fails_leaves_nothing(void **state)
{
	unsigned none = 0, anonymous = SNP_WRITER_ANONYMOUS;

	(void)state;
	fault_drive(make_segment, &none, f.dir);
	fault_drive(make_segment, &anonymous, f.dir);
}

/* ---- the reader ---------------------------------------------------------- */

static uint64_t sum_of(const struct snp_snapshot *snap)
{
	struct snp_series_iter it;
	struct snp_series series;
	uint64_t sum = snp_snapshot_metrics_nr(snap);

	snp_series_iter_init(&it, snap, NULL);
	while (snp_series_next(&it, &series))
		sum = sum * 31 + series.labels_nr;
	return sum;
}

/* Verdicts, records and replacement need no memory: they cannot fail, only be called.
 */
static int read_segment(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const enum snp_tier tier = *(const enum snp_tier *)user;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_ring_cursor cursor = {0};
	struct snp_span span;
	int rc = snp_segment_attach(f.live.path, &seg, err);

	if (rc == 0)
		rc = snp_segment_snapshot_from(seg, tier, &snap, err);
	if (rc == 0)
		rc = snp_segment_snapshot_from(seg, tier, &snap, err);
	if (rc == 0) {
		*ret_result = sum_of(snap) + snp_segment_spans(seg, &cursor, &span, 1);
		(void)snp_segment_verdict(seg);
		(void)snp_segment_replaced(seg);
		(void)snp_segment_audit(seg, NULL, NULL);
	}
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	return rc;
}

static void a_reader_that_fails_keeps_nothing(void **state)
{
	enum snp_tier live = SNP_TIER_LIVE, snap = SNP_TIER_SNAP;

	(void)state;
	fault_drive(read_segment, &live, f.live.dir);
	fault_drive(read_segment, &snap, f.live.dir);
}

static int count(const char *instance, const char *path, void *user)
{
	(void)instance;
	(void)path;
	*(uint64_t *)user += 1;
	return 0;
}

static int find_segment(void *user, uint64_t *ret_result, struct snp_err *err)
{
	char path[SNP_PATH_BYTES];
	int rc;

	(void)user;
	*ret_result = 0;
	rc = snp_segment_find(NULL, path, err);
	if (rc == 0)
		rc = snp_segment_list(count, ret_result, err);
	return rc < 0 ? rc : 0;
}

static void looking_for_segments_keeps_nothing(void **state)
{
	(void)state;
	assert_int_equal(setenv("SNAKEPIT_DIR", f.live.dir, 1), 0);
	fault_drive(find_segment, NULL, f.live.dir);
}

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(f.dir, sizeof(f.dir));
	(void)snprintf(f.lock, sizeof(f.lock), "%s/faulty.lock", f.dir);
	segment_fixture_open(&f.live, "default", "word_stats");
	snp_writer_snap(f.live.writer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_fixture_close(&f.live);
	snp_test_tmpdir_remove(f.dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_writer_that_fails_leaves_nothing),
	    cmocka_unit_test(a_reader_that_fails_keeps_nothing),
	    cmocka_unit_test(looking_for_segments_keeps_nothing),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
