/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit ls: the instances on this machine, living or not. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/form.h"
#include "cli/help.h"
#include "cli/say.h"
#include "cli/table.h"
#include "command.h"
#include "instance.h"
#include "model/json_out.h"
#include "model/target.h"

enum {
#include "cli/as_ids.h"
#include "ls.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "ls.def"
};

const struct cli_command ls_command = {
    .name = "snakepit ls",
    .summary = "list the instances on this machine",
    .examples = "  snakepit ls\n"
		"  snakepit ls --json\n"
		"  snakepit ls --plain | cut -f1\n",
    .usage = "[OPTION]...",
    .notes = "Those whose segments are in the directory for them, also dead ones: a\n"
	     "segment outlives its runtime, so that one can see what happened.\n",
    .exits = "0 listed, also where there is none\n"
	     "1 failure\n"
	     "2 wrong usage\n",
    .options = rows,
    .options_nr = OPT_NR,
};

struct listing {
	struct cli_table table;
	struct snp_json *json; /* NULL: a table */
	size_t n;
};

static void list_as_json(struct snp_json *json, const char *name, const char *path,
			 const struct instance *inst, const struct snp_err *err)
{
	snp_json_object_begin(json);
	snp_json_kv_string(json, "instance", name);
	snp_json_kv_string(json, "path", path);
	if (!inst) {
		snp_json_kv_string(json, "status", "unreadable");
		snp_json_kv_string(json, "error", err->msg);
		snp_json_object_end(json);
		return;
	}
	snp_json_kv_string(json, "status", instance_word(inst));
	snp_json_kv_string(json, "verdict", snp_writer_verdict_name(inst->verdict));
	snp_json_kv_u64(json, "pid", (uint64_t)snp_segment_info(inst->seg)->pid);
	snp_json_kv_u64(json, "uptime_ns", inst->uptime_ns);
	snp_json_key(json, "pools");
	snp_json_array_begin(json);
	for (size_t i = 0; i < inst->look.pools_nr; i++) {
		snp_json_object_begin(json);
		snp_json_kv_string(json, "name", inst->look.pools[i].name);
		snp_json_kv_u64(json, "workers", inst->look.pools[i].workers);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
	snp_json_object_end(json);
}

static void list_as_row(struct cli_table *table, const char *name,
			const struct instance *inst, const struct snp_err *err)
{
	char uptime[CLI_DURATION_BYTES];
	struct snp_buf pools = {0};

	cli_table_cell(table, "%s", name);
	if (!inst) {
		cli_table_cell(table, "unreadable");
		cli_table_cell(table, "-");
		cli_table_cell(table, "-");
		cli_table_cell(table, "%s", err->msg);
		return;
	}
	for (size_t i = 0; i < inst->look.pools_nr; i++)
		snp_buf_printf(&pools, "%s%s(%llu)", i ? " " : "",
			       inst->look.pools[i].name,
			       (unsigned long long)inst->look.pools[i].workers);
	cli_table_cell(table, "%s", instance_word(inst));
	cli_table_cell(table, "%d", (int)snp_segment_info(inst->seg)->pid);
	cli_table_cell(table, "%s", cli_duration(inst->uptime_ns, uptime));
	cli_table_cell(table, "%.*s", (int)pools.len, pools.data ? pools.data : "");
	table->cells.failed |= pools.failed; /* a list that is cut off is none */
	snp_buf_fini(&pools);
}

static int visit(const char *name, const char *path, void *user)
{
	struct listing *listing = user;
	struct snp_err err = {0};
	struct instance inst;
	bool open = instance_open(path, &inst, &err) == 0;

	if (listing->json)
		list_as_json(listing->json, name, path, open ? &inst : NULL, &err);
	else
		list_as_row(&listing->table, name, open ? &inst : NULL, &err);
	listing->n++;
	if (open)
		instance_close(&inst);
	return 0;
}

static int print_json(void)
{
	struct snp_buf out = {0};
	struct snp_json json;
	struct listing listing = {.json = &json};
	struct snp_err err = {0};
	int r;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", 1);
	snp_json_key(&json, "instances");
	snp_json_array_begin(&json);
	r = snp_segment_list(visit, &listing, &err);
	snp_json_array_end(&json);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	if (r >= 0)
		r = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	if (r < 0)
		cli_complain("ls: %s", err.code ? err.msg : "cannot write the output");
	return r < 0 ? SNP_EXIT_FAILURE : SNP_EXIT_OK;
}

static int print_table(enum cli_table_style style)
{
	struct listing listing = {.table = {.align = "llrrl", .style = style}};
	static const char *const heads[] = {"INSTANCE", "STATUS", "PID", "UPTIME",
					    "POOLS"};
	char dir[SNP_PATH_BYTES];
	struct snp_err err = {0};
	int r;

	for (size_t i = 0;
	     style != CLI_TABLE_TABS && i < sizeof(heads) / sizeof(heads[0]); i++)
		cli_table_cell(&listing.table, "%s", heads[i]);
	r = snp_segment_list(visit, &listing, &err);
	if (r < 0) {
		cli_complain("ls: %s", err.msg);
		snp_buf_fini(&listing.table.cells);
		return SNP_EXIT_FAILURE;
	}
	if (listing.n == 0) {
		snp_buf_fini(&listing.table.cells);
		if (snp_dir_default(dir, NULL) == 0)
			(void)fprintf(stderr, "no instances in %s\n", dir);
		return SNP_EXIT_OK;
	}
	if (cli_table_print(&listing.table, stdout) < 0) {
		cli_complain("ls: out of memory");
		return SNP_EXIT_FAILURE;
	}
	return SNP_EXIT_OK;
}

int command_ls(int argc, char **argv)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &ls_command, .next = 1};
	struct cli_form form = {0};
	struct snp_err err = {0};
	const char *value;
	int got;

	while ((got = cli_next_option(&args, &value, &err)) != CLI_END) {
		if (got < 0)
			return cli_usage(&ls_command, &err);
		if (got == OPT_HELP)
			return cli_print_help(&ls_command);
		form.json |= got == OPT_JSON;
		form.plain |= got == OPT_PLAIN;
		form.no_color |= got == OPT_NO_COLOR;
	}
	if (cli_form_check(&form, &err) < 0)
		return cli_usage(&ls_command, &err);
	return form.json ? print_json() : print_table(cli_form_style(&form));
}
