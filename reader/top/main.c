/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - snakepit-top: argv, what to open, and which way to show it.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/say.h"
#include "compare.h"
#include "model/target.h"
#include "output.h"
#include "program.h"
#include "screen_guard.h"
#include "settings.h"

static bool terminal_is_usable(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* A screen for somebody to look at. */
static bool is_live(const struct top *top)
{
	return top->options.mode == TOP_MODE_AUTO && terminal_is_usable();
}

/* Settings are of the screen alone: what scripts read depends on no file. */
static int load_settings(struct top *top)
{
	struct snp_err err = {0};
	int rc = 0;

	if (top_settings_path(top->settings) < 0)
		top->settings[0] = '\0';
	else
		rc = top_settings_load(top->settings, &top->ui, &err);
	if (rc < 0)
		cli_complain("%s; correct it or move the file away", err.msg);
	return rc;
}

/* What was said on the command line counts more than settings. */
static void obey_options(struct top_ui *ui, const struct top_options *options)
{
	struct snp_query_place place;

	if (options->sort_said)
		ui->sort = options->sort;
	if (options->delay_said)
		ui->delay_ms = options->delay_ms;
	for (size_t table = 0; table < TOP_TABLE_NR; table++)
		if (options->shown[table].nr > 0)
			ui->shown[table] = options->shown[table];
	if (options->filter)
		(void)top_ui_filter(ui, options->filter_text, &place, NULL);
	if (options->no_mouse)
		ui->mouse = false;
	ui->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ui->ascii = ui->ascii || options->ascii || !ui->utf8;
}

/* What is whole of a damaged recording is shown; the damage is told at the end, when
 * the screen is no more. */
static int replay(struct top *top, struct snp_err *err)
{
	int rc = top_source_replay(top->options.replay, &top->source, err);

	if (rc == 0)
		top->damage = *err;
	return rc;
}

static int open_source(struct top *top, struct snp_err *err)
{
	const struct top_options *o = &top->options;
	int rc;

	if (o->replay)
		return replay(top, err);
	if (o->post_mortem)
		return top_source_post_mortem(o->file ? o->file : o->instance,
					      &top->source, err);
	rc = top_source_live(o->instance, &top->source);
	return rc < 0 ? snp_err_set(err, rc, "out of memory") : 0;
}

/* One picture of a recording is that of its end. */
static int first_frame(struct top *top)
{
	int rc;

	do {
		rc = top_source_tick(top->source);
	} while (rc == 0 && top->options.replay && !is_live(top) &&
		 top->options.count == 1 && top_source_goes_on(top->source));
	return rc;
}

static int open_all(struct top *top)
{
	struct snp_err err = {0};
	int rc = top_instances_tick(&top->instances, NULL, &err);

	top->ui.all = true;
	top->frame = &top_nobody;
	if (rc < 0)
		cli_complain("%s", err.msg);
	return snp_exit_code(rc);
}

static int open_top(struct top *top)
{
	struct snp_err err = {0};
	int rc;

	top_ui_init(&top->ui);
	if (is_live(top) && load_settings(top) < 0)
		return SNP_EXIT_USAGE;
	obey_options(&top->ui, &top->options);
	screen_guard_install();
	if (top->options.all)
		return open_all(top);
	rc = open_source(top, &err);
	if (rc < 0) {
		cli_complain("%s%s", err.msg,
			     top->options.replay ? "" : snp_exit_advice(rc));
		return snp_exit_code(rc);
	}
	rc = first_frame(top);
	top->frame = top_source_frame(top->source);
	if (rc == 0 && top->options.record)
		rc = top_source_record(top->source, top->options.record, &err);
	if (rc < 0) {
		cli_complain("%s%s", err.code ? err.msg : top->frame->problem,
			     top->frame->generation == 0 ? snp_exit_advice(rc) : "");
		return top->frame->generation == 0 ? snp_exit_code(rc)
						   : SNP_EXIT_FAILURE;
	}
	return SNP_EXIT_OK;
}

/* --dump-frame: what the screen would show, after these keys. */
static int run_dump(struct top *top)
{
	const struct top_options *o = &top->options;
	const char *keys = o->keys ? o->keys : "";
	struct snp_buf out = {0};
	uint32_t key;
	int rc = top_program_draw(top, o->dump_rows, o->dump_cols);

	while (rc == 0 && (key = top_keys_next(&keys)) != 0) {
		struct top_context context = top_program_context(top);

		top_ui_key(&top->ui, key, &context);
		top_program_act(top);
		rc = top_program_draw(top, o->dump_rows, o->dump_cols);
	}
	if (rc == 0) {
		top_grid_text(&top->grid, &out);
		rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	}
	snp_buf_fini(&out);
	if (rc < 0)
		cli_complain("cannot write the output: %s", strerror(-rc));
	return rc < 0 ? SNP_EXIT_FAILURE : SNP_EXIT_OK;
}

/* What went wrong with recordings while something else was on the screen. */
static int tell_end(struct top *top)
{
	struct snp_err err = {0};

	if (top->damage.code < 0) {
		cli_complain("%s", top->damage.msg);
		return SNP_EXIT_UNKNOWN;
	}
	if (top_source_record_end(top->source, &err) < 0) {
		cli_complain("%s", err.msg);
		return SNP_EXIT_FAILURE;
	}
	return SNP_EXIT_OK;
}

static void close_top(struct top *top)
{
	top_program_unmark(top);
	if (!top->options.all)
		top_source_destroy(&top->source);
	top_instances_fini(&top->instances);
	top_rows_fini(&top->rows);
	top_ui_fini(&top->ui);
	top_grid_fini(&top->grid);
}

static int run(struct top *top)
{
	int code = open_top(top);
	const struct top_output output = {.options = &top->options,
					  .ui = &top->ui,
					  .source = top->source,
					  .instances = &top->instances};

	if (code == SNP_EXIT_OK && top->options.mode == TOP_MODE_DUMP)
		code = run_dump(top);
	else if (code == SNP_EXIT_OK)
		code = is_live(top) ? top_live(top) : top_output_run(&output);
	if (code == SNP_EXIT_OK && top->source)
		code = tell_end(top);
	close_top(top);
	return code;
}

int main(int argc, char **argv)
{
	struct top top = {.signal_fd = -1};
	struct snp_err err = {0};
	struct snp_buf hint = {0};
	int code = SNP_EXIT_OK;

	if (cli_begin(&top_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	(void)setlocale(LC_CTYPE, "");
	if (top_options_parse(argc, argv, &top.options, &hint, &err) < 0) {
		code = cli_usage(&top_command, &err);
		(void)snp_buf_write_fd(&hint, STDERR_FILENO);
		snp_buf_fini(&hint);
		return code;
	}
	switch (top.options.mode) {
	case TOP_MODE_HELP:
		code = cli_print_help(&top_command);
		break;
	case TOP_MODE_VERSION:
		code = cli_print_version(&top_command);
		break;
	case TOP_MODE_COLUMNS:
		top_options_columns(stdout);
		break;
	case TOP_MODE_DIFF:
		code = top_compare(&top.options);
		break;
	default:
		code = run(&top);
		break;
	}
	top_options_fini(&top.options);
	return cli_finish(code);
}
