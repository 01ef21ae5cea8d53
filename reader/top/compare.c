/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "diff.h"
#include "model/target.h"
#include "source.h"
#include "wait.h"

static int say_failure(int rc, const struct snp_err *err)
{
	cli_complain("%s", err->code ? err->msg : strerror(-rc));
	return snp_exit_code(rc);
}

/* All of a recording, also where its end is damaged, which is said. */
static int read_recording(const char *path, struct top_diff_side *side)
{
	struct top_source *source = NULL;
	struct snp_err err = {0};
	int rc = top_source_replay(path, &source, &err);

	if (rc < 0)
		return say_failure(rc, &err);
	if (err.code < 0)
		cli_complain("%s", err.msg);
	while (rc == 0 && top_source_goes_on(source)) {
		rc = top_source_tick(source);
		if (rc == 0)
			rc = top_diff_add(side, top_source_frame(source));
	}
	if (rc < 0)
		cli_complain("%s: %s", path,
			     *top_source_frame(source)->problem
				 ? top_source_frame(source)->problem
				 : strerror(-rc));
	top_source_destroy(&source);
	return snp_exit_code(rc);
}

/* What there is now: as many looks as were asked for. */
static int read_instance(const struct top_options *o, struct top_diff_side *side)
{
	struct top_source *source = NULL;
	const struct top_frame *frame;
	int rc = top_source_live(o->instance, &source);

	if (rc < 0)
		return say_failure(rc, &(struct snp_err){0});
	frame = top_source_frame(source);
	for (uint64_t i = 0; i < (o->count ? o->count : 1) && rc == 0; i++) {
		if (i > 0)
			top_wait_ms(o->delay_ms);
		rc = top_source_tick(source);
		if (rc == 0)
			rc = top_diff_add(side, frame);
	}
	if (rc < 0)
		cli_complain("%s%s", *frame->problem ? frame->problem : strerror(-rc),
			     snp_exit_advice(rc));
	top_source_destroy(&source);
	return snp_exit_code(rc);
}

static int print(const struct top_options *o, const struct top_diff_side *before,
		 const struct top_diff_side *after)
{
	const struct top_shown *shown = &o->shown[TOP_TABLE_POOL];
	struct snp_buf out = {0};
	int rc = top_diff_print(before, after, shown->id, shown->nr, o->json, &out);

	if (rc == 0)
		rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	if (rc < 0)
		cli_complain("cannot write the output: %s", strerror(-rc));
	return rc < 0 ? SNP_EXIT_FAILURE : SNP_EXIT_OK;
}

int top_compare(const struct top_options *o)
{
	struct top_diff_side before = {0}, after = {0};
	int code = read_recording(o->diff, &before);

	if (code == SNP_EXIT_OK)
		code = o->file ? read_recording(o->file, &after)
			       : read_instance(o, &after);
	if (code == SNP_EXIT_OK)
		code = print(o, &before, &after);
	top_diff_fini(&before);
	top_diff_fini(&after);
	return code;
}
