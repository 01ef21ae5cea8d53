/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_parts.h - the parts the user interface is put together from. Private to ui*.c.
 *
 * Each takes the actions that are its own. Pure.
 */
#ifndef SNP_TOP_UI_PARTS_H
#define SNP_TOP_UI_PARTS_H

#include "ui.h"

/* More lines than any list has. */
#define TOP_UI_FAR 1000000L

/* ui_move.c: the cursor, in whatever list the view has. Whether the action was one. */
bool ui_move_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context);
void ui_select_row(struct top_ui *ui, const struct top_row *row,
		   const struct top_context *context);

#endif
