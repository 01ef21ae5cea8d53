/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <errno.h>
#include <time.h>

#define LOOK_MS 50

int wait_look(struct snp_segment *seg, struct snp_look *ret_look, struct snp_err *err)
{
	struct snp_snapshot *snap = NULL;
	int rc = snp_segment_snapshot(seg, &snap, err);

	if (rc == 0 && snp_look_read(ret_look, snap, NULL, NULL) < 0)
		rc = snp_err_set(err, -ENOMEM, "out of memory");
	snp_snapshot_destroy(&snap);
	return rc;
}

static bool is_gone(struct snp_segment *seg)
{
	enum snp_writer_verdict verdict = snp_segment_verdict(seg);

	return verdict == SNP_WRITER_CLOSED || verdict == SNP_WRITER_DEAD;
}

/* What to do about `progress`: 1 wait on, 0 done. */
static int judge(const struct request *request, struct snp_segment *seg,
		 enum progress progress, snp_mono_t deadline, struct snp_err *err)
{
	if (progress == PROGRESS_DONE)
		return 0;
	if (progress == PROGRESS_FAILED)
		return snp_err_set(err, -ECANCELED, "%s", request->verb->failure);
	if (is_gone(seg))
		return snp_err_set(err, -ESTALE, "the runtime has ended");
	if (snp_mono_now().ns >= deadline.ns)
		return snp_err_set(err, -ETIMEDOUT,
				   "not done yet, and goes on; see 'snakepit status'");
	return 1;
}

int wait_done(const struct request *request, struct snp_segment *seg,
	      const struct snp_look *before, struct snp_err *err)
{
	const struct timespec tick = {.tv_nsec = LOOK_MS * 1000000L};
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), request->timeout_ms);
	struct snp_look begun = {0}, now = {0};
	const struct looks looks = {before, &begun, &now};
	int rc = wait_look(seg, &begun, err);

	while (rc == 0 && (rc = wait_look(seg, &now, err)) == 0) {
		rc = judge(request, seg, request->verb->progress(request, &looks),
			   deadline, err);
		if (rc <= 0)
			break;
		(void)nanosleep(&tick, NULL);
		rc = 0;
	}
	snp_look_fini(&begun);
	snp_look_fini(&now);
	return rc;
}
