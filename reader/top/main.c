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
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "batch.h"
#include "model/buf.h"
#include "model/target.h"
#include "model/terminal.h"
#include "options.h"
#include "sampler.h"
#include "screen.h"
#include "screen_guard.h"

/* Two looks this far apart make the rates of --once. */
#define ONCE_INTERVAL_MS 250

struct top {
	struct top_options options;
	struct top_sampler *sampler;
	struct top_frame *frame;
	struct top_rows rows;
	struct top_ui ui;
	struct top_grid grid;
	struct screen *screen;
	int signal_fd;
	int ended_by; /* signal to end with, 0 = none */
};

/* ---- words for people ---------------------------------------------------- */

static void complain(const char *text, const char *advice)
{
	(void)fprintf(stderr, "snakepit-top: %s%s\n", text, advice);
}

static bool env_is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static enum screen_colors wanted_colors(enum top_color color)
{
	if (color == TOP_COLOR_AUTO)
		return env_is_set("NO_COLOR") ? SCREEN_MONO : SCREEN_COLOR;
	return color == TOP_COLOR_ALWAYS ? SCREEN_COLOR : SCREEN_MONO;
}

/* ---- once and JSON ------------------------------------------------------- */

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

static void warn_of_end(const struct top_frame *frame)
{
	const char *how = frame->verdict == TOP_DEAD ? "is dead" : "has ended";
	double age_s = (double)frame->heartbeat_age_ns / 1e9;
	struct snp_buf out = {0};

	if (frame->verdict != TOP_STALE && frame->verdict != TOP_DEAD &&
	    frame->verdict != TOP_CLOSED)
		return;
	snp_buf_puts(&out, "snakepit-top: the runtime of \"");
	snp_terminal_put(&out, frame->instance);
	if (frame->verdict == TOP_STALE)
		snp_buf_printf(&out,
			       "\" hangs: no heartbeat for %.1f s; look at pid %jd\n",
			       age_s, (intmax_t)frame->pid);
	else
		snp_buf_printf(&out, "\" %s (%.0f s ago); this is its last state\n",
			       how, age_s);
	(void)snp_buf_write_fd(&out, STDERR_FILENO);
	snp_buf_fini(&out);
}

static int write_once(struct top *top)
{
	struct top_scene scene = {.frame = top->frame,
				  .ui = &top->ui,
				  .rows = &top->rows,
				  .now = snp_mono_now()};
	struct snp_buf out = {0};
	int rc;

	top->ui.delay_ms = 0;
	rc = top_rows_build(&top->rows, &top->frame->look, &top->ui.sort);
	if (rc == 0 && top->options.mode == TOP_MODE_JSON)
		rc = top_batch_json(top->frame, &out);
	else if (rc == 0)
		rc = top_batch_text(&scene, output_cols(), top->ui.ascii, &out);
	if (rc == 0)
		rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	if (rc < 0) {
		complain("cannot write the output: ", strerror(-rc));
		return SNP_EXIT_FAILURE;
	}
	warn_of_end(top->frame);
	return SNP_EXIT_OK;
}

static int run_once(struct top *top)
{
	const struct timespec wait = {.tv_nsec = ONCE_INTERVAL_MS * 1000000L};

	if (top->frame->verdict == TOP_LIVE) {
		(void)nanosleep(&wait, NULL);
		(void)top_sampler_tick(top->sampler, top->frame);
	}
	return write_once(top);
}

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
			top->ui.quit = true;
			break;
		}
	}
}

static void take_keys(struct top *top)
{
	uint32_t key;

	while (!top->ui.quit && (key = screen_key(top->screen)) != 0)
		top_ui_key(&top->ui, key, &top->rows, &top->frame->look,
			   (struct top_moment){snp_mono_now(), snp_wall_now()});
	if (top->ui.repaint)
		screen_repaint(top->screen);
	if (top->ui.suspend)
		(void)kill(0, SIGTSTP); /* whoever shares the job stops too */
	top->ui.repaint = top->ui.suspend = false;
}

static int draw(struct top *top)
{
	struct top_scene scene = {.frame = top->frame,
				  .ui = &top->ui,
				  .rows = &top->rows,
				  .now = snp_mono_now()};
	struct top_viewport viewport;
	int rows, cols;

	if (top_rows_build(&top->rows, &top->frame->look, &top->ui.sort) < 0)
		return -ENOMEM;
	screen_size(top->screen, &rows, &cols);
	if (top_grid_reset(&top->grid, rows, cols) < 0)
		return -ENOMEM;
	top->grid.ascii = top->ui.ascii;
	top_view(&scene, &top->grid, &viewport);
	top_ui_viewed(&top->ui, &viewport);
	screen_draw(top->screen, &top->grid);
	return 0;
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

static snp_mono_t tick(struct top *top)
{
	if (top->ui.paused)
		top->frame->wall = snp_wall_now();
	else
		(void)top_sampler_tick(top->sampler, top->frame);
	return snp_mono_add_ms(snp_mono_now(), top->ui.delay_ms);
}

static int loop(struct top *top)
{
	struct pollfd fds[2] = {{.fd = screen_fd(top->screen), .events = POLLIN},
				{.fd = top->signal_fd, .events = POLLIN}};
	snp_mono_t next = snp_mono_add_ms(snp_mono_now(), top->ui.delay_ms);

	while (!top->ui.quit) {
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
	struct snp_err err = {0};
	int rc;

	rc = open_signals(top);
	if (rc == 0)
		rc = screen_open(wanted_colors(top->options.color), &top->screen, &err);
	if (rc < 0) {
		complain(err.code ? err.msg : strerror(-rc), "");
		return SNP_EXIT_FAILURE;
	}
	if (screen_fallback(top->screen))
		top_ui_toast(&top->ui, snp_mono_now(),
			     "unknown TERM, drawing as for %s",
			     screen_fallback(top->screen));
	rc = loop(top);
	screen_close(&top->screen);
	(void)close(top->signal_fd);
	if (rc < 0) {
		complain("stopped: ", strerror(-rc));
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

static int open_top(struct top *top)
{
	int rc;

	top_ui_init(&top->ui);
	top->ui.sort = top->options.sort;
	top->ui.delay_ms = top->options.delay_ms;
	memcpy(top->ui.shown, top->options.shown, sizeof(top->ui.shown));
	top->ui.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	top->ui.ascii = top->options.ascii || !top->ui.utf8;
	top->frame = calloc(1, sizeof(*top->frame));
	if (!top->frame ||
	    top_sampler_create(top->options.instance, &top->sampler) < 0) {
		complain("out of memory", "");
		return SNP_EXIT_FAILURE;
	}
	screen_guard_install();
	rc = top_sampler_tick(top->sampler, top->frame);
	if (top->frame->generation == 0) {
		complain(top->frame->problem, snp_exit_advice(rc));
		return snp_exit_code(rc);
	}
	if (rc < 0) {
		complain(top->frame->problem, "");
		return SNP_EXIT_FAILURE;
	}
	return SNP_EXIT_OK;
}

static void close_top(struct top *top)
{
	top_sampler_destroy(&top->sampler);
	if (top->frame)
		top_frame_fini(top->frame);
	free(top->frame);
	top_rows_fini(&top->rows);
	top_grid_fini(&top->grid);
}

static int run(struct top *top)
{
	int code = open_top(top);

	if (code == SNP_EXIT_OK)
		code = top->options.mode == TOP_MODE_AUTO && terminal_is_usable()
			   ? run_live(top)
			   : run_once(top);
	close_top(top);
	return code;
}

int main(int argc, char **argv)
{
	struct top top = {.signal_fd = -1};
	struct snp_err err = {0};

	(void)setlocale(LC_CTYPE, "");
	if (top_options_parse(argc, argv, &top.options, &err) < 0) {
		complain(err.msg, "");
		return SNP_EXIT_USAGE;
	}
	switch (top.options.mode) {
	case TOP_MODE_HELP:
		top_options_help(stdout);
		break;
	case TOP_MODE_VERSION:
		(void)puts("snakepit-top " SNP_VERSION);
		break;
	case TOP_MODE_COLUMNS:
		top_options_columns(stdout);
		break;
	default:
		return run(&top);
	}
	return fflush(stdout) == 0 ? SNP_EXIT_OK : SNP_EXIT_FAILURE;
}
