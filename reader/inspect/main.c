/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit-inspect: print a segment, or one value of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/pools.h"
#include "cli/say.h"
#include "follow.h"
#include "model/buf.h"
#include "model/target.h"
#include "options.h"
#include "report.h"
#include "selector.h"
#include "verify.h"

/* What a run holds; empty when it is zeroed. */
struct look {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct report report;
};

/* Find, map and copy. */
static int look(const struct options *options, struct look *look, struct snp_err *err)
{
	char path[SNP_PATH_BYTES];
	/* To verify is to hold the other tier against this one. */
	enum snp_tier tier =
	    options->action == OPTIONS_VERIFY ? SNP_TIER_LIVE : options->tier;
	int r;

	r = snp_segment_find(options->instance, path, err);
	if (r == 0)
		r = snp_segment_attach(path, &look->seg, err);
	if (r < 0)
		return r;
	r = report_records(&look->report, look->seg, options->parts);
	if (r < 0)
		return snp_err_set(err, r, "out of memory for records");
	r = snp_segment_snapshot_from(look->seg, tier, &look->snap, err);
	if (r < 0)
		return r;
	look->report.filter = options->filter;
	report_state(&look->report, look->snap);
	if (!*options->pool)
		return 0;
	report_keep_events(&look->report, options->pool, options->slot);
	/* An instance is there, so this is no -ENOENT. */
	return cli_pool_check_in(look->seg, options->pool, err) < 0 ? -EINVAL : 0;
}

static void look_fini(struct look *look)
{
	report_fini(&look->report);
	snp_snapshot_destroy(&look->snap);
	snp_segment_detach(&look->seg);
}

static int write_failed(int rc, struct snp_err *err)
{
	return rc < 0 ? snp_err_set(err, rc, "cannot write: %s", strerror(-rc)) : 0;
}

static int render(const struct report *report, const struct options *options,
		  struct snp_buf *out, struct snp_err *err)
{
	if (options->field)
		return selector_print(report, options->field, out, err);
	switch (options->format) {
	case OPTIONS_TEXT:
		render_text(report, out);
		break;
	case OPTIONS_JSON:
		render_json(report, out);
		break;
	case OPTIONS_CSV:
		return write_failed(render_csv(report, out, STDOUT_FILENO), err);
	}
	return 0;
}

/* A program that asked for JSON gets its answer as JSON, also when it is a failure. */
static int fail(const struct options *options, const struct snp_err *err,
		const char *advice, int exit_code)
{
	struct snp_buf out = {0};

	cli_complain("%s%s", err->msg, advice);
	if (options->format == OPTIONS_JSON) {
		render_json_error(err, &out);
		(void)snp_buf_write_fd(&out, STDOUT_FILENO);
	}
	snp_buf_fini(&out);
	return exit_code;
}

static int exit_of_field(int error)
{
	return error == -EINVAL ? SNP_EXIT_USAGE : SNP_EXIT_FAILURE;
}

/* What was asked of a segment that could be looked at, into `out`. */
static int act(const struct look *look, const struct options *options,
	       struct snp_buf *out)
{
	struct snp_err err = {0};
	int r;

	if (options->action == OPTIONS_VERIFY) {
		r = verify(look->seg, look->snap, out, &err);
		if (r < 0)
			return fail(options, &err, snp_exit_advice(r),
				    snp_exit_code(r));
		return r > 0 ? SNP_EXIT_UNKNOWN : SNP_EXIT_OK;
	}
	r = render(&look->report, options, out, &err);
	if (r == 0)
		return SNP_EXIT_OK;
	snp_buf_reset(out); /* half an answer is none */
	return fail(options, &err, "", exit_of_field(r));
}

/* What is wrong is said as of any other look, but for what was printed before. */
static int run_follow(const struct options *options)
{
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};
	char path[SNP_PATH_BYTES];
	int code;
	int r = snp_segment_find(options->instance, path, &err);

	if (r == 0)
		r = snp_segment_attach(path, &seg, &err);
	if (r == 0 && *options->pool && cli_pool_check_in(seg, options->pool, &err) < 0)
		r = -EINVAL;
	if (r == 0)
		r = follow(options, seg, &err);
	code = r < 0 ? fail(options, &err, snp_exit_advice(r), snp_exit_code(r))
		     : SNP_EXIT_OK;
	snp_segment_detach(&seg);
	return code;
}

static int run(const struct options *options)
{
	struct look seen = {0};
	struct snp_buf out = {0};
	struct snp_err err = {0};
	int exit_code;
	int r;

	r = look(options, &seen, &err);
	exit_code = r < 0 ? fail(options, &err, snp_exit_advice(r), snp_exit_code(r))
			  : act(&seen, options, &out);
	if (write_failed(snp_buf_write_fd(&out, STDOUT_FILENO), &err) < 0) {
		cli_complain("%s", err.msg);
		exit_code = SNP_EXIT_FAILURE;
	}
	snp_buf_fini(&out);
	look_fini(&seen);
	return exit_code;
}

static int obey(const struct options *options)
{
	switch (options->action) {
	case OPTIONS_HELP:
		return cli_print_help(&inspect_command);
	case OPTIONS_VERSION:
		return cli_print_version(&inspect_command);
	case OPTIONS_FOLLOW:
		return run_follow(options);
	default:
		return run(options);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	struct snp_buf hint = {0};
	struct snp_err err = {0};
	int code;

	if (cli_begin(&inspect_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (options_parse(argc, argv, &options, &hint, &err) == 0) {
		code = obey(&options);
	} else {
		code = cli_usage(&inspect_command, &err);
		(void)snp_buf_write_fd(&hint, STDERR_FILENO);
	}
	snp_buf_fini(&hint);
	options_fini(&options);
	return code;
}
