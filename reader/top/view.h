/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - draw a frame as the user wants it, in the size there is.
 *
 * Pure: the same scene in a grid of the same size is the same picture. There is no
 * smallest size: what does not fit is left out in order of importance.
 */
#ifndef SNP_TOP_VIEW_H
#define SNP_TOP_VIEW_H

#include "frame.h"
#include "grid.h"
#include "instances.h"
#include "lints.h"
#include "rows.h"
#include "ui.h"

struct top_scene {
	const struct top_frame *frame;
	const struct top_ui *ui;
	const struct top_instances *instances; /* of --all; NULL = it is not */
	const struct top_rows *rows;
	const struct top_lints *lints; /* of the frame; NULL = not looked for */
	snp_mono_t now;		       /* messages fade by it */
};

/* The interactive screen, into a grid that has been reset to its size. */
void top_view(const struct top_scene *scene, struct top_grid *grid,
	      struct top_viewport *ret_viewport);

/* Everything at once, for --once: sets the grid's height itself. With columns asked for
 * (ui->shown), the tables they belong to and nothing else. -ENOMEM. */
int top_view_once(const struct top_scene *scene, int cols, struct top_grid *grid);

#endif
