/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "render_text.h"
#include "report.h"

#define PAUSE_MS 200

static int print_new(const struct options *options, struct snp_segment *seg,
		     struct snp_ring_cursor *cursor, struct snp_err *err)
{
	struct report report = {.cursor = cursor};
	struct snp_snapshot *snap = NULL;
	struct snp_buf out = {0};
	int r = report_records(&report, seg, options->parts);

	if (r < 0)
		(void)snp_err_set(err, r, "out of memory for records");
	else
		r = snp_segment_snapshot(seg, &snap, err);
	if (r == 0) {
		report_state(&report, snap);
		if (*options->pool)
			report_keep_events(&report, options->pool, options->slot);
		render_text(&report, &out);
		r = snp_buf_write_fd(&out, STDOUT_FILENO);
		if (r < 0)
			(void)snp_err_set(err, r, "cannot write: %s", strerror(-r));
	}
	cursor->lost = 0; /* said once */
	snp_buf_fini(&out);
	report_fini(&report);
	snp_snapshot_destroy(&snap);
	return r;
}

static bool is_there(struct snp_segment *seg)
{
	const enum snp_writer_verdict verdict = snp_segment_verdict(seg);

	return verdict == SNP_WRITER_ALIVE || verdict == SNP_WRITER_HUNG;
}

int follow(const struct options *options, struct snp_segment *seg, struct snp_err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	struct snp_ring_cursor cursor = {0};
	bool goes_on = true;
	int r = 0;

	while (r == 0 && goes_on) {
		/* Asked first: what is read afterwards has its last word. */
		goes_on = is_there(seg);
		r = print_new(options, seg, &cursor, err);
		if (r == 0 && goes_on)
			(void)nanosleep(&pause, NULL);
	}
	return r;
}
