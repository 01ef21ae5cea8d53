/* SPDX-License-Identifier: Apache-2.0 */
/*
 * theme.h - what the styles of a grid look like, for each theme, and when there
 * is colour at all.
 *
 * The 16 colours of the terminal, so that the user's own palette applies. A look never
 * says with colour alone what text does not say. Pure but
 * for the environment.
 */
#ifndef SNP_TOP_THEME_H
#define SNP_TOP_THEME_H

#include <stdbool.h>

#include "grid.h"

enum top_theme {
	TOP_THEME_DEFAULT,
	TOP_THEME_CB, /* blue and orange, for those who do not tell red from green */
	TOP_THEME_MONO,
	TOP_THEME_NR
};
extern const char *const top_theme_names[TOP_THEME_NR];

enum top_color_index { /* of the terminal; -1 is its own default */
		       TOP_BLACK,
		       TOP_RED,
		       TOP_GREEN,
		       TOP_YELLOW,
		       TOP_BLUE,
		       TOP_MAGENTA,
		       TOP_CYAN,
		       TOP_WHITE,
};

enum top_attribute {
	TOP_ATTR_BOLD = 1,
	TOP_ATTR_DIM = 2,
	TOP_ATTR_REVERSE = 4,
};

struct top_look {
	short fg, bg;  /* enum top_color_index, or -1 */
	uint8_t attrs; /* enum top_attribute */
};
enum top_color { /* --color */
		 TOP_COLOR_AUTO,
		 TOP_COLOR_ALWAYS,
		 TOP_COLOR_NEVER,
};

/* Whether to colour a terminal: what --color says, else no where $NO_COLOR is set,
 * $TERM is "dumb" or $FORCE_COLOR is 0. */
bool top_color_wanted(enum top_color color);

struct top_look top_theme_look(enum top_theme theme, enum top_style style);

#endif
