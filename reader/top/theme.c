/* SPDX-License-Identifier: Apache-2.0 */
#include "theme.h"

#include <stdlib.h>
#include <string.h>

const char *const top_theme_names[TOP_THEME_NR] = {
    [TOP_THEME_DEFAULT] = "default", [TOP_THEME_CB] = "cb", [TOP_THEME_MONO] = "mono"};

#define MONO(attrs)                                                                    \
	{                                                                              \
		-1, -1, attrs                                                          \
	}
#define COLOR(fg, attrs)                                                               \
	{                                                                              \
		TOP_##fg, -1, attrs                                                    \
	}
#define ON(bg, fg, attrs)                                                              \
	{                                                                              \
		TOP_##fg, TOP_##bg, attrs                                              \
	}

static const struct top_look looks[TOP_STYLE_NR][TOP_THEME_NR] = {
    [TOP_NORMAL] = {MONO(0), MONO(0), MONO(0)},
    [TOP_DIM] = {MONO(TOP_ATTR_DIM), MONO(TOP_ATTR_DIM), MONO(TOP_ATTR_DIM)},
    [TOP_STRONG] = {MONO(TOP_ATTR_BOLD), MONO(TOP_ATTR_BOLD), MONO(TOP_ATTR_BOLD)},
    [TOP_GOOD] = {COLOR(GREEN, 0), COLOR(BLUE, 0), MONO(0)},
    [TOP_WARN] = {COLOR(YELLOW, 0), COLOR(YELLOW, 0), MONO(TOP_ATTR_BOLD)},
    [TOP_BAD] = {COLOR(RED, TOP_ATTR_BOLD), COLOR(YELLOW, TOP_ATTR_BOLD),
		 MONO(TOP_ATTR_BOLD)},
    [TOP_ACCENT] = {COLOR(CYAN, 0), COLOR(CYAN, 0), MONO(TOP_ATTR_BOLD)},
    [TOP_GRAPH] = {COLOR(GREEN, 0), COLOR(BLUE, 0), MONO(0)},
    [TOP_TITLE] = {ON(CYAN, BLACK, 0), ON(CYAN, BLACK, 0), MONO(TOP_ATTR_REVERSE)},
    [TOP_BANNER] = {ON(RED, WHITE, TOP_ATTR_BOLD), ON(YELLOW, BLACK, TOP_ATTR_BOLD),
		    MONO(TOP_ATTR_REVERSE | TOP_ATTR_BOLD)},
    /* Brightness rises with the numbers, for every eye. */
    [TOP_HEAT_LOW] = {COLOR(BLUE, 0), COLOR(BLUE, 0), MONO(TOP_ATTR_DIM)},
    [TOP_HEAT_MID] = {COLOR(CYAN, 0), COLOR(CYAN, 0), MONO(0)},
    [TOP_HEAT_HIGH] = {COLOR(YELLOW, 0), COLOR(YELLOW, 0), MONO(0)},
    [TOP_HEAT_TOP] = {COLOR(WHITE, TOP_ATTR_BOLD), COLOR(WHITE, TOP_ATTR_BOLD),
		      MONO(TOP_ATTR_BOLD)},
};

struct top_look top_theme_look(enum top_theme theme, enum top_style style)
{
	return looks[style][theme];
}

static bool env_is(const char *name, const char *value)
{
	const char *set = getenv(name);

	return set && strcmp(set, value) == 0;
}

bool top_color_wanted(enum top_color color)
{
	const char *no_color = getenv("NO_COLOR");

	if (color != TOP_COLOR_AUTO)
		return color == TOP_COLOR_ALWAYS;
	return !(no_color && *no_color) && !env_is("TERM", "dumb") &&
	       !env_is("FORCE_COLOR", "0");
}
