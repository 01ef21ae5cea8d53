/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit status: does it serve? The answer is the exit code, after the LSB:
 *
 *   0  the runtime is alive and each pool has a worker that takes requests
 *   1  the runtime is dead and left its segment
 *   3  it is not running
 *   4  unknown: hung, stopping, starting, a pool without workers, or unreadable
 *
 * Starting is not 0: scripts that wait for 0 want to send requests then.
 */
#include "status.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/pools.h"
#include "cli/say.h"
#include "command.h"
#include "model/target.h"

enum {
#include "cli/as_ids.h"
#include "status.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "status.def"
};

const struct cli_command status_command = {
    .name = "snakepit status",
    .summary = "say whether an instance serves; its pools and workers",
    .examples = "  snakepit status\n"
		"  snakepit status default\n"
		"  snakepit status -n demo --json\n"
		"  until snakepit status --quiet; do sleep 1; done\n",
    .usage = "[POOL] [OPTION]...",
    .exits = "0 running, each pool has a worker that takes requests\n"
	     "1 dead, its segment is left\n"
	     "2 wrong usage\n"
	     "3 not running\n"
	     "4 unknown: starting, stopping, hung, a pool without workers, or a "
	     "segment that cannot be read\n",
    .operands = "@pool",
    .options = rows,
    .options_nr = OPT_NR,
};

struct request {
	const char *instance, *pool;
	struct cli_form form;
	bool quiet, allow_starting;
};

bool status_shows_pool(const struct status *status, size_t index)
{
	return !status->pool ||
	       strcmp(status->inst->look.pools[index].name, status->pool) == 0;
}

const char *status_last_error(const struct status *status,
			      const struct snp_worker_stat *worker)
{
	const struct snp_row *row =
	    snp_snapshot_row(status->inst->snap, SNP_ROW_WORKER, worker->row);

	return row ? row->last_error : "";
}

/* Fill in the exit code and the reason for it. */
static void judge(struct status *status, bool allow_starting)
{
	const struct instance *inst = status->inst;

	status->exit_code = SNP_EXIT_UNKNOWN;
	switch (inst->verdict) {
	case SNP_WRITER_CLOSED:
		status->exit_code = SNP_EXIT_NOT_RUNNING;
		status->why = "it was stopped; start it with 'snakepit run -c FILE'";
		return;
	case SNP_WRITER_DEAD:
		status->exit_code = SNP_EXIT_FAILURE;
		status->why = "the runtime died; this is its last state";
		return;
	case SNP_WRITER_OLD:
		status->exit_code = SNP_EXIT_FAILURE;
		status->why = "the segment is from before the machine was started";
		return;
	case SNP_WRITER_HUNG:
		status->why = "the runtime does not move: stopped, or stuck";
		return;
	default:
		break;
	}
	if (snp_snapshot_stats(inst->snap)->state == SNP_STATE_DRAINING) {
		status->why = "the runtime is stopping";
		return;
	}
	status->why = "starting: no pool yet";
	for (size_t i = 0; i < inst->look.pools_nr; i++) {
		if (!status_shows_pool(status, i))
			continue;
		if (inst->look.pools[i].admission == SNP_ADMISSION_DRAINED) {
			status->why =
			    "a pool is drained; 'snakepit resume' has it take "
			    "requests again";
			break;
		}
		if (!instance_pool_serves(inst, i)) {
			status->why = "a pool has no worker that takes requests";
			break;
		}
		status->why = "";
	}
	if (allow_starting || !*status->why) {
		status->exit_code = SNP_EXIT_OK;
		status->why = "";
	}
}

static int show(const struct request *request, const struct instance *inst)
{
	struct status status = {.inst = inst,
				.pool = request->pool,
				.style = cli_form_style(&request->form),
				.why = ""};
	struct snp_err err = {0};
	int r = 0;

	if (request->pool && cli_pool_check(&inst->look, request->pool, &err) < 0) {
		cli_complain("status: %s", err.msg);
		return SNP_EXIT_UNKNOWN;
	}
	judge(&status, request->allow_starting);
	if (!request->quiet)
		r = request->form.json ? status_print_json(&status)
				       : status_print_text(&status);
	if (r < 0) {
		cli_complain("status: cannot print: %s", strerror(-r));
		return SNP_EXIT_UNKNOWN;
	}
	return status.exit_code;
}

/* For the LSB a segment that cannot be read is "unknown", and several instances are a
 * question asked wrongly. */
static int cannot_look(const struct request *request, int error,
		       const struct snp_err *err)
{
	int code = snp_exit_code(error);

	/* A script that waits for it asks again and again. */
	if (!request->quiet || code != SNP_EXIT_NOT_RUNNING)
		cli_complain("status: %s%s", err->msg, snp_exit_advice(error));
	return code == SNP_EXIT_FAILURE ? SNP_EXIT_UNKNOWN : code;
}

static int parse(int argc, char **argv, struct request *request)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &status_command, .next = 1};
	struct snp_err err = {0};
	const char *value;
	int got;

	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got == OPT_HELP)
			return cli_print_help(&status_command);
		if (got == CLI_OPERAND && request->pool)
			got = snp_err_set(&err, -EINVAL,
					  "takes one pool, not also '%s'", value);
		if (got < 0)
			return cli_usage(&status_command, &err);
		if (got == CLI_OPERAND)
			request->pool = value;
		else if (got == OPT_INSTANCE)
			request->instance = value;
		request->form.json |= got == OPT_JSON;
		request->form.plain |= got == OPT_PLAIN;
		request->form.no_color |= got == OPT_NO_COLOR;
		request->quiet |= got == OPT_QUIET;
		request->allow_starting |= got == OPT_ALLOW_STARTING;
	}
	return cli_form_check(&request->form, &err) < 0
		   ? cli_usage(&status_command, &err)
		   : -1;
}

int command_status(int argc, char **argv)
{
	struct request request = {0};
	struct instance inst = {0};
	struct snp_err err = {0};
	char path[SNP_PATH_BYTES];
	int code = parse(argc, argv, &request);
	int r;

	if (code >= 0)
		return code;
	r = snp_segment_find(request.instance, path, &err);
	if (r == 0)
		r = instance_open(path, &inst, &err);
	if (r != 0)
		return cannot_look(&request, r, &err);
	code = show(&request, &inst);
	instance_close(&inst);
	return code;
}
