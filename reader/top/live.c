/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - snakepit-top in a terminal: signals, keys, the loop. It waits in ppoll() for
 * keys, signals and the time of the next look.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "act.h"
#include "cli/say.h"
#include "model/target.h"
#include "program.h"

#define FALLBACK_MS 10000

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
	top_program_unmark(top);
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
	top_program_act(top);
}

static void take_keys(struct top *top)
{
	uint32_t key;

	while (!(top->ui.wants & TOP_WANT_QUIT) &&
	       (key = screen_key(top->screen)) != 0) {
		struct top_context context = top_program_context(top);
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
	rc = top_program_draw(top, rows, cols);
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
	top->frame = top->ui.all ? &top_nobody : top_source_frame(top->source);
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

int top_live(struct top *top)
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
