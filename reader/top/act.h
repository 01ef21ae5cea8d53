/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.h - what keys want done that needs a file or the terminal (ui.h: enum top_want).
 */
#ifndef SNP_TOP_ACT_H
#define SNP_TOP_ACT_H

#include "screen.h"
#include "source.h"
#include "view.h"

struct top_stage {
	struct top_ui *ui;
	const struct top_frame *frame;
	const struct top_rows *rows;
	const struct top_lints *lints;
	const struct top_grid *grid; /* as it was drawn last */
	struct top_source *source;
	struct screen *screen;
	const char *settings; /* their file, NULL = none known */
};

/* Does what is wanted of copying, dumping, recording, saving, the theme and repainting,
 * and says in a message how it went. */
void top_act(const struct top_stage *stage);

#endif
