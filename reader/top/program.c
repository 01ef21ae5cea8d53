/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <stdlib.h>

/* Not const, or half a megabyte of zeros would be in the program's file. */
struct top_frame top_nobody;

struct top_context top_program_context(const struct top *top)
{
	return (struct top_context){.frame = top->frame,
				    .rows = &top->rows,
				    .lints = top->lints.lint,
				    .lints_nr = top_lints_kept(&top->lints),
				    .instances_nr = top->instances.nr,
				    .now = snp_mono_now(),
				    .wall = snp_wall_now()};
}

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

void top_program_unmark(struct top *top)
{
	top->ui.baseline = NULL;
	if (top->baseline)
		top_frame_fini(top->baseline);
	free(top->baseline);
	top->baseline = NULL;
}

static void mark(struct top *top)
{
	top_program_unmark(top);
	top->baseline = calloc(1, sizeof(*top->baseline));
	if (!top->baseline || top_frame_copy(top->baseline, top->frame) < 0) {
		top_program_unmark(top);
		top_ui_toast(&top->ui, snp_mono_now(), "out of memory");
		return;
	}
	top->ui.baseline = top->baseline;
	top->ui.baseline_at = top->frame->wall;
}

void top_program_act(struct top *top)
{
	if (top_ui_take(&top->ui, TOP_WANT_SEEK))
		seek(top);
	if (top_ui_take(&top->ui, TOP_WANT_MARK))
		mark(top);
	if (top_ui_take(&top->ui, TOP_WANT_UNMARK))
		top_program_unmark(top);
}

int top_program_draw(struct top *top, int rows, int cols)
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
	context = top_program_context(top);
	if (top_ui_rows(&top->ui, &top->rows, &top->frame->look, context.now) < 0)
		return -ENOMEM;
	if (top_grid_reset(&top->grid, rows, cols) < 0)
		return -ENOMEM;
	top->grid.ascii = top->ui.ascii;
	top_view(&scene, &top->grid, &top->viewport);
	top_ui_viewed(&top->ui, &top->viewport, &context);
	return 0;
}
