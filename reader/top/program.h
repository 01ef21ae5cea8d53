/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - what snakepit-top is made of while it runs, and what every way of showing
 * it needs: one thread, which owns everything here.
 */
#ifndef TOP_PROGRAM_H
#define TOP_PROGRAM_H

#include <limits.h>

#include "options.h"
#include "screen.h"
#include "source.h"
#include "view.h"

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

/* What there is to show of no instance in particular: all zeros, and left so. */
extern struct top_frame top_nobody;

/* What a key is understood in. Refers to `top`; good until the next frame. */
struct top_context top_program_context(const struct top *top);

/* Do what was wished for that needs neither a terminal nor a file. */
void top_program_act(struct top *top);

/* Forget the baseline, if there is one. */
void top_program_unmark(struct top *top);

/* Draw the frame on the grid, so many rows and columns. 0 or -ENOMEM. */
int top_program_draw(struct top *top, int rows, int cols);

/* Show it in the terminal until somebody quits; an exit status. */
int top_live(struct top *top);

#endif
