/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - snakepit-top: argv, signals, the loop. One thread; the loop waits in ppoll()
 * for keys, signals and the time of the next look.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "act.h"
#include "cli/help.h"
#include "cli/say.h"
#include "compare.h"
#include "model/target.h"
#include "options.h"
#include "output.h"
#include "screen.h"
#include "screen_guard.h"
#include "settings.h"
#include "source.h"
#include "view.h"

#define FALLBACK_MS 10000

struct top {
	struct top_options options;
	struct top_source *source;	/* of --all: that of an instance, or NULL */
	struct top_instances instances; /* of --all */
	const struct top_frame *frame;	/* the source's, to be shown */
	struct top_frame *baseline;	/* what ui.baseline refers to */
	struct snp_err damage;		/* of the recording; code 0 = none */
	struct top_rows rows;
	struct top_lints lints; /* of the frame */
	struct top_ui ui;
	struct top_grid grid;
	struct top_viewport viewport;
	struct screen *screen;
	char settings[PATH_MAX]; /* their file, "" = none */
	int signal_fd;
	int ended_by; /* signal to end with, 0 = none */
};

/* ---- interactive --------------------------------------------------------- */

static void never_called(int sig)
{
	(void)sig;
}

static int open_signals(struct top *top)
{
	static const int signals[] = {SIGTERM, SIGHUP,	 SIGINT,
				      SIGQUIT, SIGWINCH, SIGTSTP};
	struct sigaction action = {.sa_handler = never_called};
	sigset_t set;

	/* curses sets SIGTSTP to SIG_IGN while it writes, which throws away one that
	 * waits for us; it keeps its hands off where it finds a handler. */
	if (sigaction(SIGTSTP, &action, NULL) < 0)
		return -errno;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	top->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return top->signal_fd < 0 ? -errno : 0;
}

/* Stop as any program does, with the terminal as it was; go on when told to. */
static void suspend(struct top *top)
{
	struct sigaction stop = {.sa_handler = SIG_DFL}, previous;
	sigset_t set;

	screen_leave(top->screen);
	(void)sigaction(SIGTSTP, &stop, &previous);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTSTP);
	(void)kill(getpid(), SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sigaction(SIGTSTP, &previous, NULL);
	screen_enter(top->screen);
}

static void take_signals(struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			screen_resized(top->screen);
			break;
		case SIGTSTP:
			suspend(top);
			break;
		default:
			top->ended_by = (int)info.ssi_signo;
			top->ui.wants |= TOP_WANT_QUIT;
			break;
		}
	}
}

static struct top_context context_of(const struct top *top)
{
	return (struct top_context){.frame = top->frame,
				    .rows = &top->rows,
				    .lints = top->lints.lint,
				    .lints_nr = top_lints_kept(&top->lints),
				    .instances_nr = top->instances.nr,
				    .now = snp_mono_now(),
				    .wall = snp_wall_now()};
}

/* ---- wishes -------------------------------------------------------------- */

static void seek(struct top *top)
{
	if (!top->source)
		return;
	if (top_source_seek(top->source, top->ui.paused ? top->ui.rewind_ns : 0) < 0)
		top_ui_toast(&top->ui, snp_mono_now(), "out of memory");
	top->frame = top_source_frame(top->source);
	/* No further than there is something. */
	top->ui.rewind_ns = top->frame->rewound_ns;
}

static void unmark(struct top *top)
{
	top->ui.baseline = NULL;
	if (top->baseline)
		top_frame_fini(top->baseline);
	free(top->baseline);
	top->baseline = NULL;
}

static void mark(struct top *top)
{
	unmark(top);
	top->baseline = calloc(1, sizeof(*top->baseline));
	if (!top->baseline || top_frame_copy(top->baseline, top->frame) < 0) {
		unmark(top);
		top_ui_toast(&top->ui, snp_mono_now(), "out of memory");
		return;
	}
	top->ui.baseline = top->baseline;
	top->ui.baseline_at = top->frame->wall;
}

/* What needs neither a terminal nor a file. */
static void act_in_time(struct top *top)
{
	if (top_ui_take(&top->ui, TOP_WANT_SEEK))
		seek(top);
	if (top_ui_take(&top->ui, TOP_WANT_MARK))
		mark(top);
	if (top_ui_take(&top->ui, TOP_WANT_UNMARK))
		unmark(top);
}

/* Into the instance under the cursor. */
static void enter(struct top *top)
{
	const struct top_instances *all = &top->instances;

	if (top->ui.instance_at >= all->nr)
		return;
	top->source = all->at[top->ui.instance_at]->source;
	top->frame = top_source_frame(top->source);
	/* A pause and a baseline are of the instance that was left. */
	top->ui.paused = false;
	top->ui.rewind_ns = 0;
	unmark(top);
	top->ui.all = top->frame->generation == 0;
	if (top->ui.all)
		top_ui_toast(&top->ui, snp_mono_now(), "%s", top->frame->problem);
}

static void act(struct top *top)
{
	const struct top_stage stage = {.ui = &top->ui,
					.frame = top->frame,
					.rows = &top->rows,
					.lints = &top->lints,
					.grid = &top->grid,
					.source = top->source,
					.screen = top->screen,
					.settings =
					    top->settings[0] ? top->settings : NULL};

	top_act(&stage);
	if (top_ui_take(&top->ui, TOP_WANT_SUSPEND))
		(void)kill(0, SIGTSTP); /* whoever shares the job stops too */
	if (top_ui_take(&top->ui, TOP_WANT_ENTER))
		enter(top);
	act_in_time(top);
}

static void take_keys(struct top *top)
{
	uint32_t key;

	while (!(top->ui.wants & TOP_WANT_QUIT) &&
	       (key = screen_key(top->screen)) != 0) {
		struct top_context context = context_of(top);
		struct top_mouse mouse;

		if (key == TOP_KEY_MOUSE) {
			screen_mouse(top->screen, &mouse);
			top_ui_mouse(&top->ui, &mouse, &top->viewport, &context);
		} else {
			top_ui_key(&top->ui, key, &context);
		}
	}
	act(top);
}

static int draw_grid(struct top *top, int rows, int cols)
{
	struct top_scene scene = {.frame = top->frame,
				  .ui = &top->ui,
				  .rows = &top->rows,
				  .lints = &top->lints,
				  .instances =
				      top->options.all ? &top->instances : NULL,
				  .now = snp_mono_now()};
	struct top_context context;

	top_lints_find(&top->lints, top->frame, &top->ui.limits,
		       top->ui.lints_silenced);
	context = context_of(top);
	if (top_ui_rows(&top->ui, &top->rows, &top->frame->look, context.now) < 0)
		return -ENOMEM;
	if (top_grid_reset(&top->grid, rows, cols) < 0)
		return -ENOMEM;
	top->grid.ascii = top->ui.ascii;
	top_view(&scene, &top->grid, &top->viewport);
	top_ui_viewed(&top->ui, &top->viewport, &context);
	return 0;
}

/* What is shown may be another source by now, or its recording have ended by itself. */
static void show_recording(struct top *top)
{
	const char *path = top->source ? top_source_recording(top->source) : NULL;
	struct snp_err err = {0};

	if (top->ui.recording && !path && top->source &&
	    top_source_record_end(top->source, &err) < 0)
		top_ui_toast(&top->ui, snp_mono_now(), "%s", err.msg);
	top->ui.recording = path;
}

static int draw(struct top *top)
{
	int rows, cols, rc;

	show_recording(top);
	screen_size(top->screen, &rows, &cols);
	rc = draw_grid(top, rows, cols);
	if (rc == 0)
		screen_draw(top->screen, &top->grid);
	return rc;
}

/* Until the next look, or until a message has been there long enough. */
static struct timespec time_to_wait(const struct top *top, snp_mono_t next)
{
	snp_mono_t now = snp_mono_now(), until = next;
	uint64_t ns;

	if (top->ui.toast_until.ns > now.ns && top->ui.toast_until.ns < until.ns)
		until = top->ui.toast_until;
	ns = snp_mono_since_ns(until, now);
	return (struct timespec){.tv_sec = (time_t)(ns / SNP_NS_PER_S),
				 .tv_nsec = (long)(ns % SNP_NS_PER_S)};
}

/* A recording has its own time. */
static uint64_t wait_ms(const struct top *top)
{
	uint64_t pace_ns = top->source ? top_source_pace_ns(top->source) : 0;

	return pace_ns ? pace_ns / SNP_NS_PER_MS : top->ui.delay_ms;
}

/* What there is to show of no instance in particular. Never changed: not const, or half
 * a megabyte of zeros would be in the program's file. */
static struct top_frame nobody;

/* The cursor stays on its instance, whichever come and go. */
static void tick_list(struct top *top)
{
	struct top_instances *all = &top->instances;
	size_t *at = &top->ui.instance_at;
	char path[SNP_PATH_BYTES] = "";

	top->source = NULL; /* its instance may be gone */
	if (*at < all->nr)
		memcpy(path, all->at[*at]->path, sizeof(path));
	(void)top_instances_tick(all, NULL, NULL);
	for (size_t i = 0; i < all->nr; i++) {
		if (strcmp(all->at[i]->path, path) == 0) {
			*at = i;
			return;
		}
	}
	if (*at >= all->nr)
		*at = all->nr > 0 ? all->nr - 1 : 0;
}

static snp_mono_t tick(struct top *top)
{
	if (top->ui.all) {
		tick_list(top);
	} else if (top->ui.paused) {
		top_source_hold(top->source);
	} else {
		(void)top_source_tick(top->source);
	}
	top->frame = top->ui.all ? &nobody : top_source_frame(top->source);
	return snp_mono_add_ms(snp_mono_now(), wait_ms(top));
}

static int loop(struct top *top)
{
	struct pollfd fds[2] = {{.fd = screen_fd(top->screen), .events = POLLIN},
				{.fd = top->signal_fd, .events = POLLIN}};
	snp_mono_t next = snp_mono_add_ms(snp_mono_now(), wait_ms(top));

	while (!(top->ui.wants & TOP_WANT_QUIT)) {
		unsigned delay_ms = top->ui.delay_ms;
		bool paused = top->ui.paused;
		struct timespec wait;

		if (draw(top) < 0)
			return -ENOMEM;
		wait = time_to_wait(top, next);
		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			take_signals(top);
		if (fds[0].revents & POLLIN)
			take_keys(top);
		else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return -EIO; /* the terminal has gone */
		if (snp_mono_now().ns >= next.ns || (paused && !top->ui.paused))
			next = tick(top);
		else if (top->ui.delay_ms != delay_ms)
			next = snp_mono_add_ms(snp_mono_now(), top->ui.delay_ms);
	}
	return 0;
}

static int run_live(struct top *top)
{
	const struct screen_options options = {.colors =
						   top_color_wanted(top->options.color),
					       .theme = top->ui.theme,
					       .mouse = top->ui.mouse};
	struct snp_err err = {0};
	int rc;

	rc = open_signals(top);
	if (rc == 0)
		rc = screen_open(&options, &top->screen, &err);
	if (rc < 0) {
		cli_complain("%s", err.code ? err.msg : strerror(-rc));
		return SNP_EXIT_FAILURE;
	}
	top->ui.colors = screen_has_colors(top->screen);
	if (screen_fallback(top->screen)) {
		top_ui_toast(&top->ui, snp_mono_now(),
			     "unknown TERM, drawing as for %s",
			     screen_fallback(top->screen));
		/* Nobody looks at the bottom line first. */
		top->ui.toast_until = snp_mono_add_ms(snp_mono_now(), FALLBACK_MS);
	}
	rc = loop(top);
	screen_close(&top->screen);
	(void)close(top->signal_fd);
	if (rc < 0) {
		cli_complain("stopped: %s", strerror(-rc));
		return SNP_EXIT_FAILURE;
	}
	return top->ended_by ? 128 + top->ended_by : SNP_EXIT_OK;
}

/* ---- start --------------------------------------------------------------- */

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
	top->frame = &nobody;
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
	int rc = draw_grid(top, o->dump_rows, o->dump_cols);

	while (rc == 0 && (key = top_keys_next(&keys)) != 0) {
		struct top_context context = context_of(top);

		top_ui_key(&top->ui, key, &context);
		act_in_time(top);
		rc = draw_grid(top, o->dump_rows, o->dump_cols);
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
	unmark(top);
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
		code = is_live(top) ? run_live(top) : top_output_run(&output);
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
		(void)cli_usage(&top_command, &err);
		(void)snp_buf_write_fd(&hint, STDERR_FILENO);
		snp_buf_fini(&hint);
		return SNP_EXIT_USAGE;
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
