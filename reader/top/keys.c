/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"

const struct top_action_info top_actions[TOP_ACTION_NR] = {
#define TOP_ACTION(id, label, rank, help, ...)                                         \
	[TOP_ACTION_##id] = {#id, label, help, rank, {__VA_ARGS__}},
#include "keys.def"
#undef TOP_ACTION
};

const struct top_chord top_chords[TOP_CHORD_NR] = {
#define TOP_CHORD(letter, column, help) {letter, TOP_COLUMN_WORKER_##column, help},
#include "keys.def"
#undef TOP_CHORD
};

const struct top_command_info top_commands[TOP_COMMAND_NR] = {
#define TOP_COMMAND(name, value, help) {#name, value, help},
#include "keys.def"
#undef TOP_COMMAND
};

enum top_action top_key_action(uint32_t key)
{
	if (key == 0)
		return TOP_ACTION_NONE;
	for (int action = TOP_ACTION_NONE + 1; action < TOP_ACTION_NR; action++)
		for (int i = 0; i < TOP_ACTION_KEYS_MAX; i++)
			if (top_actions[action].keys[i] == key)
				return (enum top_action)action;
	return TOP_ACTION_NONE;
}

void top_action_name(char out[TOP_ACTION_NAME_BYTES], enum top_action action)
{
	const char *id = top_actions[action].id;
	size_t i = 0;

	for (; i < TOP_ACTION_NAME_BYTES - 1 && id[i]; i++)
		out[i] = id[i] == '_' ? '-' : (char)tolower((unsigned char)id[i]);
	out[i] = '\0';
}

static const struct {
	uint32_t key;
	char name[TOP_KEY_NAME_BYTES];
} named[] = {{' ', "Space"},
	     {TOP_KEY_TAB, "Tab"},
	     {TOP_KEY_ENTER, "Enter"},
	     {TOP_KEY_ESC, "Esc"},
	     {TOP_KEY_UP, "Up"},
	     {TOP_KEY_DOWN, "Down"},
	     {TOP_KEY_LEFT, "Left"},
	     {TOP_KEY_RIGHT, "Right"},
	     {TOP_KEY_PAGE_UP, "PgUp"},
	     {TOP_KEY_PAGE_DOWN, "PgDn"},
	     {TOP_KEY_HOME, "Home"},
	     {TOP_KEY_END, "End"},
	     {TOP_KEY_BACKSPACE, "BkSp"},
	     {TOP_KEY_DELETE, "Del"},
	     {TOP_KEY_BACKTAB, "S-Tab"}};
#define NAMED (sizeof(named) / sizeof(*named))

void top_key_name(char out[TOP_KEY_NAME_BYTES], uint32_t key)
{
	for (size_t i = 0; i < NAMED; i++) {
		if (named[i].key == key) {
			memcpy(out, named[i].name, TOP_KEY_NAME_BYTES);
			return;
		}
	}
	if (key > TOP_KEY_F0)
		(void)snprintf(out, TOP_KEY_NAME_BYTES, "F%u",
			       (key - TOP_KEY_F0) & 0xff);
	else if (key < 0x20)
		(void)snprintf(out, TOP_KEY_NAME_BYTES, "^%c", (char)(key + 0x40));
	else
		(void)snprintf(out, TOP_KEY_NAME_BYTES, "%c", (char)key);
}

/* The key called so; 0: none is. */
static uint32_t key_of_name(const char *name)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < NAMED; i++)
		if (strcmp(named[i].name, name) == 0)
			return named[i].key;
	if (name[0] == '^' && name[1] >= '@' && name[1] <= '_' && !name[2])
		return TOP_KEY_CTRL(name[1]);
	n = name[0] == 'F' ? strtoul(name + 1, &end, 10) : 0;
	return n >= 1 && n <= 12 && *end == '\0' ? TOP_KEY_F((uint32_t)n) : 0;
}

uint32_t top_keys_next(const char **text)
{
	char name[TOP_KEY_NAME_BYTES];
	size_t len = strcspn(*text, ">");
	uint32_t key;

	if (**text == '\0')
		return 0;
	if (**text == '<' && (*text)[len] == '>' && len - 1 < sizeof(name)) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(len - 1), *text + 1);
		key = key_of_name(name);
		if (key != 0) {
			*text += len + 1;
			return key;
		}
	}
	len = snp_utf8_char_len(*text, strnlen(*text, SNP_UTF8_BYTES_MAX));
	key = snp_utf8_decode(*text, len);
	*text += len > 0 ? len : 1;
	return key;
}
