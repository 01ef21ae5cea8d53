/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui.h - what the user has chosen, and how keys change it.
 *
 * Pure: keys go in, state comes out; the program looks at the state and acts. One
 * thread at a time.
 */
#ifndef SNP_TOP_UI_H
#define SNP_TOP_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "keys.h"
#include "rows.h"

#define TOP_DELAY_MIN_MS     50
#define TOP_DELAY_MAX_MS     60000
#define TOP_DELAY_DEFAULT_MS 1000
#define TOP_SHOWN_MAX	     TOP_COLUMN_NR

/* What -o asked for; empty = the view chooses by rank and width. */
struct top_shown {
	size_t nr;
	enum top_column_id id[TOP_SHOWN_MAX];
};

struct top_ui {
	struct top_sort sort;
	struct top_shown shown[TOP_TABLE_NR];
	unsigned delay_ms; /* 0 = this is no live view */
	bool ascii;	   /* draw with ASCII alone */
	bool utf8;	   /* the terminal could do more than ASCII */
	bool help;
	bool paused;
	snp_wall_t paused_at;
	/* The selected worker, by who it is: it stays selected where it goes. */
	bool selected;
	char selected_pool[SNP_POOL_NAME_BYTES];
	uint32_t selected_slot;
	/* Scroll positions; the view clamps what it uses, top_ui_viewed() takes that
	 * over. */
	size_t first, help_first;
	size_t page; /* worker rows that fit */
	char toast[96];
	snp_mono_t toast_until;
	/* For the program to act on and clear. */
	bool quit, repaint, suspend;
};

/* What the view found out about sizes. */
struct top_viewport {
	size_t first, page, help_first;
};

void top_ui_init(struct top_ui *ui);

/* `now` is for the clock of messages, `wall` for what is shown as the time of a pause.
 */
struct top_moment {
	snp_mono_t now;
	snp_wall_t wall;
};
void top_ui_key(struct top_ui *ui, uint32_t key, const struct top_rows *rows,
		const struct snp_look *look, struct top_moment at);

void top_ui_viewed(struct top_ui *ui, const struct top_viewport *viewport);

/* The position of the selected worker in `rows`; rows->nr when there is none. */
size_t top_ui_selected_row(const struct top_ui *ui, const struct top_rows *rows,
			   const struct snp_look *look);

/* A message that stands in the bottom line for a moment. */
void top_ui_toast(struct top_ui *ui, snp_mono_t now, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
