/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"
#include "ui_parts.h"
#include "words.h"

const char *const top_prompt_labels[TOP_PROMPT_NR] = {
    [TOP_PROMPT_NONE] = "",
    [TOP_PROMPT_FIND] = "find: ",
    [TOP_PROMPT_FILTER] = "filter: ",
    [TOP_PROMPT_DELAY] = "seconds between updates: ",
    [TOP_PROMPT_TIME] = "go to time: ",
    [TOP_PROMPT_COMMAND] = ":"};

static void set_text(struct top_prompt *prompt, const char *text)
{
	(void)snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->len = prompt->cursor = strlen(prompt->text);
}

void ui_prompt_open(struct top_ui *ui, enum top_prompt_kind kind, const char *text)
{
	ui->prompt = (struct top_prompt){.kind = kind};
	set_text(&ui->prompt, text);
}

static void close_prompt(struct top_ui *ui)
{
	ui->prompt = (struct top_prompt){0};
}

/* ---- editing ------------------------------------------------------------- */

/* Bytes of the character before the cursor, and of the one under it. */
static size_t before(const struct top_prompt *prompt)
{
	size_t n = 0;

	while (n < prompt->cursor) {
		n++;
		if ((prompt->text[prompt->cursor - n] & 0xc0) != 0x80)
			break;
	}
	return n;
}

static size_t under(const struct top_prompt *prompt)
{
	size_t n = 0;

	while (prompt->cursor + n < prompt->len) {
		n++;
		if ((prompt->text[prompt->cursor + n] & 0xc0) != 0x80)
			break;
	}
	return n;
}

/* Take out [at, at + n). */
static void cut(struct top_prompt *prompt, size_t at, size_t n)
{
	memmove(prompt->text + at, prompt->text + at + n, prompt->len - at - n + 1);
	prompt->len -= n;
	prompt->cursor = at;
}

static void cut_word(struct top_prompt *prompt)
{
	size_t at = prompt->cursor;

	while (at > 0 && prompt->text[at - 1] == ' ')
		at--;
	while (at > 0 && prompt->text[at - 1] != ' ')
		at--;
	cut(prompt, at, prompt->cursor - at);
}

static void insert(struct top_prompt *prompt, uint32_t ch)
{
	char bytes[SNP_UTF8_BYTES_MAX];
	size_t n = snp_utf8_encode(bytes, ch);

	if (prompt->len + n >= sizeof(prompt->text))
		return;
	memmove(prompt->text + prompt->cursor + n, prompt->text + prompt->cursor,
		prompt->len - prompt->cursor + 1);
	memcpy(prompt->text + prompt->cursor, bytes, n);
	prompt->len += n;
	prompt->cursor += n;
}

static bool is_text(uint32_t key)
{
	return key >= ' ' && key != 0x7f && !(key >= 0x80 && key < 0xa0) &&
	       !(key >= 0xd800 && key < 0xe000) && key < TOP_KEY_CODE_POINTS;
}

static bool is_backspace(uint32_t key)
{
	return key == TOP_KEY_BACKSPACE || key == 0x7f || key == TOP_KEY_CTRL('H');
}

/* Whether the key was one that edits. */
static bool edit(struct top_prompt *prompt, uint32_t key)
{
	if (is_text(key))
		insert(prompt, key);
	else if (is_backspace(key))
		cut(prompt, prompt->cursor - before(prompt), before(prompt));
	else if (key == TOP_KEY_DELETE || key == TOP_KEY_CTRL('D'))
		cut(prompt, prompt->cursor, under(prompt));
	else if (key == TOP_KEY_CTRL('U'))
		cut(prompt, 0, prompt->cursor);
	else if (key == TOP_KEY_CTRL('K'))
		cut(prompt, prompt->cursor, prompt->len - prompt->cursor);
	else if (key == TOP_KEY_CTRL('W'))
		cut_word(prompt);
	else
		return false;
	return true;
}

static void move_cursor(struct top_prompt *prompt, uint32_t key)
{
	if (key == TOP_KEY_LEFT)
		prompt->cursor -= before(prompt);
	else if (key == TOP_KEY_RIGHT)
		prompt->cursor += under(prompt);
	else if (key == TOP_KEY_HOME || key == TOP_KEY_CTRL('A'))
		prompt->cursor = 0;
	else if (key == TOP_KEY_END || key == TOP_KEY_CTRL('E'))
		prompt->cursor = prompt->len;
}

/* ---- what was typed before ----------------------------------------------- */

static void remember(struct top_lines *lines, const char *text)
{
	char *line;

	if (*text == '\0' || (lines->nr > 0 && strcmp(lines->line[0], text) == 0))
		return;
	line = strdup(text);
	if (!line)
		return; /* then it is forgotten */
	if (lines->nr == TOP_PROMPT_HISTORY)
		free(lines->line[--lines->nr]);
	memmove(lines->line + 1, lines->line, lines->nr * sizeof(*lines->line));
	lines->line[0] = line;
	lines->nr++;
}

static void recall(struct top_ui *ui, int dir)
{
	struct top_prompt *prompt = &ui->prompt;
	const struct top_lines *lines = &ui->lines[prompt->kind];

	if (dir > 0 ? prompt->back >= lines->nr : prompt->back == 0)
		return;
	if (prompt->back == 0)
		memcpy(prompt->typed, prompt->text, sizeof(prompt->typed));
	prompt->back = dir > 0 ? prompt->back + 1 : prompt->back - 1;
	set_text(prompt,
		 prompt->back > 0 ? lines->line[prompt->back - 1] : prompt->typed);
	prompt->error[0] = '\0';
}

/* ---- Enter --------------------------------------------------------------- */

static void look_for(struct top_ui *ui, const char *text, int dir,
		     const struct top_context *context)
{
	(void)snprintf(ui->find, sizeof(ui->find), "%s", text);
	if (*text && !ui_find(ui, dir, context))
		top_ui_toast(ui, context->now, "nothing found: %s", ui->find);
}

/* An empty line means as little as Esc, where it does not mean "none". */
static int submit(struct top_ui *ui, const char *text,
		  const struct top_context *context, struct snp_query_place *ret_place,
		  struct snp_err *err)
{
	switch (ui->prompt.kind) {
	case TOP_PROMPT_FIND:
		look_for(ui, text, 0, context);
		return 0;
	case TOP_PROMPT_FILTER:
		ui->first = 0;
		return top_ui_filter(ui, text, ret_place, err);
	case TOP_PROMPT_DELAY:
		return *text ? top_words_delay(text, &ui->delay_ms, err) : 0;
	case TOP_PROMPT_TIME:
		return *text ? ui_time_go(ui, text, context, err) : 0;
	default:
		return *text ? ui_command(ui, text, context, ret_place, err) : 0;
	}
}

static void enter(struct top_ui *ui, const struct top_context *context)
{
	struct top_prompt *prompt = &ui->prompt;
	struct snp_query_place place = {0};
	struct snp_err err = {0};
	char text[SNP_QUERY_BYTES_MAX];
	enum top_prompt_kind kind = prompt->kind;

	/* A command may open a prompt of its own. */
	memcpy(text, prompt->text, sizeof(text));
	remember(&ui->lines[kind], text);
	if (submit(ui, text, context, &place, &err) == 0) {
		if (prompt->kind == kind)
			close_prompt(ui);
		return;
	}
	(void)snprintf(prompt->error, sizeof(prompt->error), "%s", err.msg);
	prompt->place = place;
	if (place.len > 0)
		prompt->cursor = place.at < prompt->len ? place.at : prompt->len;
}

void ui_prompt_key(struct top_ui *ui, uint32_t key, const struct top_context *context)
{
	struct top_prompt *prompt = &ui->prompt;

	switch (key) {
	case TOP_KEY_ESC:
		close_prompt(ui);
		return;
	case TOP_KEY_ENTER:
	case '\n':
		enter(ui, context);
		return;
	case TOP_KEY_UP:
		recall(ui, 1);
		return;
	case TOP_KEY_DOWN:
		recall(ui, -1);
		return;
	default:
		break;
	}
	if (is_backspace(key) && prompt->len == 0) {
		close_prompt(ui);
		return;
	}
	if (!edit(prompt, key)) {
		move_cursor(prompt, key);
		return;
	}
	prompt->error[0] = '\0';
	prompt->back = 0;
	if (prompt->kind == TOP_PROMPT_FIND && is_text(key))
		look_for(ui, prompt->text, 0, context);
}
