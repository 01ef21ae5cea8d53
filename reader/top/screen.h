/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen.h - the terminal: grids go out, keys come in, and it is left as it was found.
 *
 * The only user of curses. There is at most one screen in a process (curses keeps its
 * state in globals, and so must a handler that restores the terminal in a crash). While
 * a screen is open, what the process writes to stderr is kept and printed when it
 * closes. One thread, the one that opened it.
 */
#ifndef SNP_TOP_SCREEN_H
#define SNP_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "grid.h"
#include "snakepit/err.h"
#include "theme.h"
#include "ui.h"

struct screen;

struct screen_options {
	bool colors; /* where the terminal has some */
	enum top_theme theme;
	bool mouse;
};

/* Take over the controlling terminal. A $TERM without an entry falls back to
 * xterm-256color and then ansi. -ENOTTY: there is no terminal; -EINVAL: no usable
 * entry. */
int screen_open(const struct screen_options *options, struct screen **ret_screen,
		struct snp_err *err);
/* Give the terminal back; then print what was held back from stderr. */
void screen_close(struct screen **screen);

/* The entry in use where it is not $TERM, else NULL. */
const char *screen_fallback(const struct screen *screen);

bool screen_has_colors(const struct screen *screen);
/* From the next draw on. Without colours it is always the one without. */
void screen_theme(struct screen *screen, enum top_theme theme);

void screen_size(const struct screen *screen, int *ret_rows, int *ret_cols);
/* After SIGWINCH: take over the terminal's new size; what was drawn is forgotten. */
void screen_resized(struct screen *screen);
/* Forget what was drawn: the next draw paints everything. */
void screen_repaint(struct screen *screen);

/* Show the grid; only what changed since the last draw is sent. */
void screen_draw(struct screen *screen, const struct top_grid *grid);

/* For poll(). */
int screen_fd(const struct screen *screen);
/* The next key (keys.h), 0 when there is none. */
uint32_t screen_key(struct screen *screen);
/* After TOP_KEY_MOUSE: what it did. */
void screen_mouse(struct screen *screen, struct top_mouse *ret_mouse);

/* Put text into the clipboard of the terminal, wherever that is: by OSC 52, which not
 * every terminal obeys, and none answers. Negative errno. */
int screen_copy(struct screen *screen, const char *text);

/* Give the terminal to the shell, and take it back. */
void screen_leave(struct screen *screen);
void screen_enter(struct screen *screen);

#endif
