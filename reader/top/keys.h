/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - keys.def as data: codes of keys, the actions they mean, their names.
 *
 * A key is a Unicode code point, or one of the codes below for what has none. Pure.
 */
#ifndef SNP_TOP_KEYS_H
#define SNP_TOP_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "columns.h"

#define TOP_KEY_CTRL(c) ((uint32_t)(c)&0x1f)

enum top_key {
	TOP_KEY_TAB = '\t',
	TOP_KEY_ENTER = '\r',
	TOP_KEY_ESC = 0x1b,
	TOP_KEY_CODE_POINTS = 0x110000, /* below it: what has been typed */
	TOP_KEY_UP = TOP_KEY_CODE_POINTS,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_BACKTAB,
	TOP_KEY_BACKSPACE,
	TOP_KEY_DELETE,
	TOP_KEY_MOUSE, /* screen_mouse() says what it did */
	TOP_KEY_OTHER, /* a key without a meaning */
	TOP_KEY_F0,
};
#define TOP_KEY_F(n) (TOP_KEY_F0 + (n))

enum top_action {
	TOP_ACTION_NONE,
#define TOP_ACTION(id, label, rank, help, ...) TOP_ACTION_##id,
#include "keys.def"
#undef TOP_ACTION
	TOP_ACTION_NR
};

#define TOP_ACTION_KEYS_MAX 4

struct top_action_info {
	const char *id, *label, *help;
	int rank;
	uint32_t keys[TOP_ACTION_KEYS_MAX]; /* 0 ends the list */
};
extern const struct top_action_info top_actions[TOP_ACTION_NR];

enum top_action top_key_action(uint32_t key);

/* What the action is called as a command: "view-next". */
#define TOP_ACTION_NAME_BYTES 24
void top_action_name(char out[TOP_ACTION_NAME_BYTES], enum top_action action);

/* "q", "Space", "^C", "F10", "PgUp". */
#define TOP_KEY_NAME_BYTES 8
void top_key_name(char out[TOP_KEY_NAME_BYTES], uint32_t key);

/* The next key of a text, which moves past it; 0 at the end. A character is its own
 * key,
 * "\r" is Enter and "\033" Esc; "<PgUp>", "<F4>", "<^L>" are what has no character. */
uint32_t top_keys_next(const char **text);

enum top_chord_id {
#define TOP_CHORD(letter, column, help) TOP_CHORD_##column,
#include "keys.def"
#undef TOP_CHORD
	TOP_CHORD_NR
};

struct top_chord {
	uint32_t letter;
	enum top_column_id column;
	const char *help;
};
extern const struct top_chord top_chords[TOP_CHORD_NR];

enum top_command_id {
#define TOP_COMMAND(name, value, help) TOP_COMMAND_##name,
#include "keys.def"
#undef TOP_COMMAND
	TOP_COMMAND_NR
};

struct top_command_info {
	const char *name, *value, *help;
};
extern const struct top_command_info top_commands[TOP_COMMAND_NR];

#endif
