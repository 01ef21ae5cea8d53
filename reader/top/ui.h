/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui.h - what the user has chosen, and how keys change it.
 *
 * Pure: keys go in, state comes out. What needs more than state (a file, the terminal,
 * another moment to show) is left as a wish in `wants`, and the program acts on it. One
 * thread at a time.
 */
#ifndef SNP_TOP_UI_H
#define SNP_TOP_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "keys.h"
#include "lints.h"
#include "model/query.h"
#include "rows.h"
#include "theme.h"

#define TOP_DELAY_MIN_MS     50
#define TOP_DELAY_MAX_MS     60000
#define TOP_DELAY_DEFAULT_MS 1000
#define TOP_SHOWN_MAX	     TOP_COLUMN_NR
#define TOP_PINS_MAX	     16
#define TOP_FIND_BYTES	     64
#define TOP_PROMPT_HISTORY   16

enum top_view_id {
	TOP_VIEW_OVERVIEW,
	TOP_VIEW_WORKERS,
	TOP_VIEW_REQUESTS,
	TOP_VIEW_LATENCY,
	TOP_VIEW_EVENTS,
	TOP_VIEW_LINTS,
	TOP_VIEW_NR
};
extern const char *const top_view_names[TOP_VIEW_NR]; /* "overview", "workers", ... */

/* What -o or the picker asked for; empty = the view chooses by rank and width. */
struct top_shown {
	size_t nr;
	enum top_column_id id[TOP_SHOWN_MAX];
};

/* The line at the bottom while something is typed. */
enum top_prompt_kind {
	TOP_PROMPT_NONE,
	TOP_PROMPT_FIND,
	TOP_PROMPT_FILTER,
	TOP_PROMPT_DELAY,
	TOP_PROMPT_TIME,
	TOP_PROMPT_COMMAND,
	TOP_PROMPT_NR
};
extern const char *const top_prompt_labels[TOP_PROMPT_NR]; /* "filter: " */

struct top_prompt {
	enum top_prompt_kind kind;
	char text[SNP_QUERY_BYTES_MAX];
	size_t len, cursor; /* bytes; the cursor stands before the one at `cursor` */
	/* Of the last Enter, until the text changes: why it was refused, and the part
	 * of the text it is about (len 0 = all of it). */
	char error[SNP_ERR_MSG_BYTES];
	struct snp_query_place place;
	size_t back; /* 0 = what was typed; n = the n-th newest of the history */
	char typed[SNP_QUERY_BYTES_MAX]; /* while `back` is not 0 */
};

/* What was typed before, newest first. */
struct top_lines {
	size_t nr;
	char *line[TOP_PROMPT_HISTORY]; /* owned */
};

/* The screen of columns and display settings (C). */
enum top_setup_page {
	TOP_SETUP_WORKERS,
	TOP_SETUP_POOLS,
	TOP_SETUP_DISPLAY,
	TOP_SETUP_NR
};
struct top_setup {
	bool open;
	enum top_setup_page page;
	size_t at; /* line of the page */
};

/* For the program to do; it takes them with top_ui_take(). */
enum top_want {
	TOP_WANT_QUIT = 1 << 0,
	TOP_WANT_REPAINT = 1 << 1,
	TOP_WANT_SUSPEND = 1 << 2,
	TOP_WANT_MARK = 1 << 3,	  /* make the frame shown the baseline */
	TOP_WANT_UNMARK = 1 << 4, /* forget the baseline */
	TOP_WANT_SAVE = 1 << 5,	  /* write the settings */
	TOP_WANT_DUMP = 1 << 6,	  /* write the frame shown as text and JSON */
	TOP_WANT_RECORD = 1 << 7, /* begin or end recording */
	TOP_WANT_COPY = 1 << 8,	  /* the line selected, or the command suggested */
	TOP_WANT_SEEK = 1 << 9,	  /* another moment: `paused` and `rewind_ns` */
	TOP_WANT_THEME = 1 << 10, /* `theme` changed */
	TOP_WANT_ENTER = 1 << 11, /* of --all: the instance at `instance_at` */
};

struct top_ui {
	enum top_view_id view;
	bool header_hidden; /* all of it but the first line */
	bool events_hidden, lints_hidden;
	bool help;
	struct top_setup setup;
	enum top_theme theme;
	bool colors; /* the user and the terminal allow them */
	bool ascii;  /* draw with ASCII alone */
	bool utf8;   /* the terminal could do more than ASCII */
	bool mouse;
	unsigned delay_ms; /* 0 = this is no live view */

	/* What the tables show. */
	struct top_sort sort;
	struct top_shown shown[TOP_TABLE_NR];
	bool folded; /* with TOP_SORT_BY_POOL: headings alone */
	char filter_text[SNP_QUERY_BYTES_MAX]; /* "" = none */
	struct snp_query *filter;	       /* owned; of top_worker_terms */
	char find[TOP_FIND_BYTES];	       /* "" = none */
	struct top_pick pins[TOP_PINS_MAX];    /* workers that stand on top */
	size_t pins_nr;

	/* The line under the cursor: in the tables of workers, and in the list of
	 * lints. With `follow` it stays selected where it goes, without it the cursor
	 * stays where it is. */
	struct top_pick selected, lint;
	bool follow;
	size_t selected_at;	/* where it was when it was last drawn */
	struct top_pick detail; /* shown in full instead of the view; NONE = not */
	/* Of --all: the list of instances is shown, and its cursor. */
	bool all;
	size_t instance_at;

	/* Time. Paused, the frame of `paused_at` is shown, or the one `rewind_ns`
	 * before it. */
	bool paused;
	snp_wall_t paused_at;
	uint64_t rewind_ns;
	const struct top_frame *baseline; /* the program's; NULL = none */
	snp_wall_t baseline_at;
	snp_mono_t peaks_since; /* peaks are of what came after */
	snp_mono_t moved;	/* the cursor was moved: lines hold still for a while */

	uint64_t lints_silenced; /* bit n: enum top_lint_id n */
	struct top_lint_limits limits;
	const char *recording; /* file being written, the program's; NULL = none */

	struct top_prompt prompt;
	struct top_lines lines[TOP_PROMPT_NR]; /* filter, find and command have them */
	uint32_t chord; /* first key of two that has been pressed, 0 = none */

	/* Scroll positions; the view clamps what it uses, top_ui_viewed() takes that
	 * over. `first` is of the table of workers, `view_first` of the views without
	 * one. */
	size_t first, view_first[TOP_VIEW_NR], detail_first, help_first;
	size_t page; /* lines that fit */
	char toast[96];
	snp_mono_t toast_until;
	unsigned wants; /* enum top_want */
};

/* What the view found out: about sizes, and what a click means where. */
enum top_hit_kind {
	TOP_HIT_KEY,  /* `what` is a key (keys.h): as if it were pressed */
	TOP_HIT_SORT, /* a column title: `what` is enum top_column_id */
	TOP_HIT_LINE, /* a line: `what` is its index in rows, lints, instances */
};
struct top_hit {
	int row, col, width;
	enum top_hit_kind kind;
	uint32_t what;
};
#define TOP_HITS_MAX 512 /* a tall table and all titles; what is more is no target */

struct top_viewport {
	size_t first, page, help_first, detail_first;
	size_t view_first; /* of ui->view */
	size_t hits_nr;
	struct top_hit hits[TOP_HITS_MAX];
};
/* Nothing where there are too many. */
void top_viewport_hit(struct top_viewport *viewport, struct top_hit hit);

/* What a key is pressed in front of. */
struct top_context {
	const struct top_frame *frame;
	const struct top_rows *rows;
	const struct top_lint *lints;
	size_t lints_nr;
	size_t instances_nr; /* of --all */
	snp_mono_t now;
	snp_wall_t wall;
};

void top_ui_init(struct top_ui *ui);
void top_ui_fini(struct top_ui *ui);

void top_ui_key(struct top_ui *ui, uint32_t key, const struct top_context *context);

/* A click, or a turn of the wheel by `wheel` lines (then the place does not count). */
struct top_mouse {
	int row, col, wheel;
};
void top_ui_mouse(struct top_ui *ui, const struct top_mouse *mouse,
		  const struct top_viewport *viewport,
		  const struct top_context *context);

/* Take over positions that the view clamped. */
void top_ui_viewed(struct top_ui *ui, const struct top_viewport *viewport,
		   const struct top_context *context);

/* Whether this was wanted; it no longer is. */
bool top_ui_take(struct top_ui *ui, enum top_want want);

/* Set the filter; "" clears it. -EINVAL: what is set stays; err and *ret_place say why.
 */
int top_ui_filter(struct top_ui *ui, const char *text,
		  struct snp_query_place *ret_place, struct snp_err *err);

/* Which rows the tables shall have; it borrows from `ui`. */
struct top_order top_ui_order(const struct top_ui *ui);

/* The rows to draw of a look. While the cursor is being moved they stand still where
 * they can. -ENOMEM: there are none. */
int top_ui_rows(struct top_ui *ui, struct top_rows *rows, const struct snp_look *look,
		snp_mono_t now);

/* The position of what is selected in `rows`; rows->nr when there is none. */
size_t top_ui_selected_row(const struct top_ui *ui, const struct top_rows *rows,
			   const struct snp_look *look);

/* A message that stands in the bottom line for a moment. */
void top_ui_toast(struct top_ui *ui, snp_mono_t now, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the setup screen, for its view ---------------------------------------- */

/* Lines of a page. */
size_t top_setup_lines(const struct top_ui *ui, enum top_setup_page page);
/* The column in a line of TOP_SETUP_WORKERS or _POOLS: those shown first, in their
 * order, then the rest. */
enum top_column_id top_setup_column(const struct top_ui *ui, enum top_setup_page page,
				    size_t line, bool *ret_shown);
/* What a line of TOP_SETUP_DISPLAY is called, and what it is set to. */
const char *top_setup_display(const struct top_ui *ui, size_t line, char value[32]);

#endif
