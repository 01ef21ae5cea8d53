/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "batch.h"
#include "cli/say.h"
#include "model/target.h"
#include "model/terminal.h"
#include "plain.h"
#include "terms.h"
#include "wait.h"

/* A first look that finds no history (the runtime has just begun) has nothing to
 * compare with: a second one, so soon, makes its rates. */
#define FIRST_INTERVAL_MS 250

static void look_again(const struct top_output *o, uint64_t after_ms)
{
	top_wait_ms(after_ms);
	/* What it could not read, the frame says. */
	(void)top_source_tick(o->source);
}

/* Whether look `number`, from 1, was the last; a recording has no more than it has. */
static bool was_last(const struct top_output *o, uint64_t number)
{
	return number == o->options->count || !top_source_goes_on(o->source);
}

/* As late as was asked for; printing a recording has nothing to wait for. */
static void look_later(const struct top_output *o)
{
	look_again(o, o->options->replay ? 0 : o->options->delay_ms);
}

/* ---- printing ------------------------------------------------------------ */

static int output_cols(void)
{
	struct winsize size;
	const char *cols = getenv("COLUMNS");

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		return size.ws_col;
	if (cols && atoi(cols) > 0)
		return atoi(cols) < 1000 ? atoi(cols) : 1000;
	return TOP_ONCE_COLS;
}

static int render(const struct top_output *o, uint64_t number, struct top_rows *rows,
		  struct snp_buf *out)
{
	const struct top_frame *frame = top_source_frame(o->source);
	struct top_lints lints = {0};
	const struct top_scene scene = {.frame = frame,
					.ui = o->ui,
					.rows = rows,
					.lints = &lints,
					.now = snp_mono_now()};
	struct top_order order = top_ui_order(o->ui);
	int rc;

	top_lints_find(&lints, frame, &o->ui->limits, o->ui->lints_silenced);

	/* Programs get the order they asked for. */
	if (o->options->mode != TOP_MODE_TEXT && o->options->mode != TOP_MODE_AUTO)
		order.sort.flags &= ~(unsigned)TOP_SORT_UNHEALTHY_FIRST;
	rc = top_rows_build(rows, &frame->look, &order);
	if (rc < 0)
		return rc;
	switch (o->options->mode) {
	case TOP_MODE_JSON:
		return top_batch_json(&scene, out);
	case TOP_MODE_CSV:
		return top_batch_csv(&scene, number == 0 && !o->options->no_header,
				     out);
	default:
		if (number > 0)
			snp_buf_putc(out, '\n');
		return top_batch_text(&scene, output_cols(), o->ui->ascii, out);
	}
}

/* Print it and let go of it, if what made it did not fail; either failure is said. */
static int write_out(struct snp_buf *out, int rc)
{
	if (rc == 0)
		rc = snp_buf_write_fd(out, STDOUT_FILENO);
	snp_buf_fini(out);
	if (rc < 0)
		cli_complain("cannot write the output: %s", strerror(-rc));
	return rc;
}

static int print(const struct top_output *o, uint64_t number)
{
	struct top_rows rows = {0};
	struct snp_buf out = {0};
	int rc = render(o, number, &rows, &out);

	top_rows_fini(&rows);
	return write_out(&out, rc);
}

static void warn_of_end(const struct top_frame *frame)
{
	double age_s = (double)frame->heartbeat_age_ns / 1e9;

	if (frame->verdict == TOP_STALE)
		cli_complain(
		    "the runtime of \"%s\" hangs: no heartbeat for %.1f s; look "
		    "at pid %jd",
		    frame->instance, age_s, (intmax_t)frame->pid);
	else if (frame->verdict == TOP_DEAD || frame->verdict == TOP_CLOSED)
		cli_complain(
		    "the runtime of \"%s\" %s (%.0f s ago); this is its last state",
		    frame->instance,
		    frame->verdict == TOP_DEAD ? "is dead" : "has ended", age_s);
}

static int run_print(const struct top_output *o)
{
	o->ui->delay_ms = 0;
	for (uint64_t number = 0;; number++) {
		const struct top_frame *frame = top_source_frame(o->source);
		bool ended = top_verdict_is_final(frame->verdict);

		if (print(o, number) < 0)
			return SNP_EXIT_FAILURE;
		if (ended && o->options->exit_on_end) {
			warn_of_end(frame);
			return SNP_EXIT_UNKNOWN;
		}
		if (was_last(o, number + 1))
			break;
		look_later(o);
	}
	if (top_source_frame(o->source)->origin == TOP_ORIGIN_LIVE)
		warn_of_end(top_source_frame(o->source));
	return SNP_EXIT_OK;
}

/* ---- changes ------------------------------------------------------------- */

static int print_changes(const struct top_output *o, struct top_plain *plain)
{
	const struct top_frame *frame = top_source_frame(o->source);
	struct top_lints lints;
	struct snp_buf out = {0};
	int rc;

	top_lints_find(&lints, frame, &o->ui->limits, o->ui->lints_silenced);
	rc = top_plain_changes(plain, frame, &lints, &out);
	if (rc == 0)
		rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	if (rc < 0)
		cli_complain("cannot write the output: %s", strerror(-rc));
	return rc;
}

static int run_plain(const struct top_output *o)
{
	struct top_plain plain = {0};
	int code = SNP_EXIT_OK;

	for (uint64_t number = 1;; number++) {
		if (print_changes(o, &plain) < 0) {
			code = SNP_EXIT_FAILURE;
			break;
		}
		if (top_verdict_is_final(plain.verdict) && o->options->exit_on_end) {
			code = SNP_EXIT_UNKNOWN;
			break;
		}
		if (was_last(o, number))
			break;
		look_later(o);
	}
	top_plain_fini(&plain);
	return code;
}

/* ---- judging ------------------------------------------------------------- */

/* Why it does not hold at this look; nothing where it does. */
static void judge(const struct top_output *o, struct snp_buf *why)
{
	const struct top_frame *frame = top_source_frame(o->source);
	const struct top_terms_row row = {&frame->look.total, NULL};
	const char *verdict = top_verdict_name(frame->verdict);

	if (frame->verdict != TOP_LIVE)
		snp_buf_printf(why, "the runtime is %s", verdict);
	else
		snp_query_why_not(o->options->check, &row, why);
}

static int say_verdict(const struct top_output *o, const struct snp_buf *why)
{
	struct snp_buf out = {0};

	snp_terminal_put(&out, top_source_frame(o->source)->instance);
	snp_buf_puts(&out, why->len ? " failed: " : " ok: ");
	if (why->len)
		snp_buf_put(&out, why->data, why->len);
	else
		snp_terminal_put(&out, o->options->check_text);
	snp_buf_putc(&out, '\n');
	return write_out(&out, why->failed ? -ENOMEM : 0) < 0 || why->len
		   ? SNP_EXIT_FAILURE
		   : SNP_EXIT_OK;
}

static int run_check(const struct top_output *o)
{
	snp_mono_t until = snp_mono_add_ms(snp_mono_now(), o->options->for_ms);
	/* The history does not say everything: what the first look does not know, and
	 * so denies, the second may. */
	bool again = top_source_frame(o->source)->verdict == TOP_LIVE;
	struct snp_buf why = {0};
	int code;

	for (;; again = false) {
		uint64_t left_ms;

		snp_buf_reset(&why);
		judge(o, &why);
		left_ms = snp_mono_since_ns(until, snp_mono_now()) / SNP_NS_PER_MS;
		if (why.failed || (why.len && !again) || (!why.len && left_ms == 0))
			break;
		look_again(o, why.len			       ? FIRST_INTERVAL_MS
			      : left_ms < o->options->delay_ms ? left_ms + 1
							       : o->options->delay_ms);
	}
	code = say_verdict(o, &why);
	snp_buf_fini(&why);
	return code;
}

static int run_one(const struct top_output *output)
{
	const struct top_frame *frame = top_source_frame(output->source);

	if (frame->origin == TOP_ORIGIN_LIVE && frame->verdict == TOP_LIVE &&
	    frame->look.interval_ns == 0)
		look_again(output, FIRST_INTERVAL_MS);
	switch (output->options->mode) {
	case TOP_MODE_CHECK:
		return run_check(output);
	case TOP_MODE_PLAIN:
		return run_plain(output);
	default:
		return run_print(output);
	}
}

/* ---- all instances ------------------------------------------------------- */

static int print_all(const struct top_output *o)
{
	struct snp_buf out = {0};
	int rc = o->options->json ? top_instances_json(o->instances, &out)
				  : top_instances_text(o->instances, &out);

	return write_out(&out, rc);
}

static int run_all(const struct top_output *o)
{
	struct snp_err err = {0};

	for (uint64_t number = 0;; number++) {
		if (print_all(o) < 0)
			return SNP_EXIT_FAILURE;
		if (number + 1 == o->options->count)
			return SNP_EXIT_OK;
		top_wait_ms(o->options->delay_ms);
		if (top_instances_tick(o->instances, NULL, &err) < 0) {
			cli_complain("%s", err.msg);
			return SNP_EXIT_FAILURE;
		}
	}
}

int top_output_run(const struct top_output *output)
{
	if (output->options->all)
		return run_all(output);
	return run_one(output);
}
