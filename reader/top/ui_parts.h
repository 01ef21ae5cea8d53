/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_parts.h - the parts the user interface is put together from. Private to ui*.c.
 *
 * Each takes the keys and actions that are its own. Pure.
 */
#ifndef SNP_TOP_UI_PARTS_H
#define SNP_TOP_UI_PARTS_H

#include "ui.h"

/* More lines than any list has. */
#define TOP_UI_FAR 1000000L

/* ui.c: do it, as if its key were pressed. */
void ui_act(struct top_ui *ui, enum top_action action,
	    const struct top_context *context);
void ui_set_view(struct top_ui *ui, enum top_view_id view);
/* Silence lints of a kind, or hear them again. */
void ui_silence(struct top_ui *ui, enum top_lint_id id, snp_mono_t now);
void ui_toast_sort(struct top_ui *ui, snp_mono_t now);

/* ui_move.c: the cursor, in whatever list the view has. Whether the action was one. */
bool ui_move_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context);
void ui_move_by(struct top_ui *ui, long steps, const struct top_context *context);
void ui_select_row(struct top_ui *ui, size_t at, const struct top_context *context);
/* Whether it was selected already. */
bool ui_select_lint(struct top_ui *ui, size_t at, const struct top_context *context);
/* `at` moved by `steps` within [0, nr). */
size_t ui_moved_by(size_t at, long steps, size_t nr);
/* To the next line with ui->find in it: `dir` 1 or -1 from the next one on, 0 from the
 * one selected on. Whether there is one. */
bool ui_find(struct top_ui *ui, int dir, const struct top_context *context);

/* ui_time.c: pausing and rewinding. Whether the action was one. */
bool ui_time_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context);
/* "-5m", "17:02", "17:02:30", "#event". -EINVAL. */
int ui_time_go(struct top_ui *ui, const char *text, const struct top_context *context,
	       struct snp_err *err);

/* ui_prompt.c: the line being typed, which takes all keys while it is open. */
void ui_prompt_open(struct top_ui *ui, enum top_prompt_kind kind, const char *text);
void ui_prompt_key(struct top_ui *ui, uint32_t key, const struct top_context *context);

/* ui_command.c: what stands after ':'. -EINVAL: *ret_place is what it is about. */
int ui_command(struct top_ui *ui, const char *text, const struct top_context *context,
	       struct snp_query_place *ret_place, struct snp_err *err);

/* ui_setup.c: keys of the setup screen; whether it was one of its own. */
bool ui_setup_key(struct top_ui *ui, uint32_t key, const struct top_context *context);

#endif
