/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"

#include <string.h>

#include "cli/table.h"
#include "model/pools.h"
#include "snakepit/read.h"

#define WORD_MAX 256
#define OBEYED	 " \"'`$\\;&|<>(){}*?"

/* What the words before the last one say of it. */
struct line {
	const struct cli_command *command;
	const char *instance; /* the one they name, NULL: none */
	int operands_nr;
	int wanting; /* the last one is this option's value, plus one; 0: none's */
	bool options_ended;
};

/* Where candidates go: those that begin with `typed`, each after `prefix`. */
struct sink {
	FILE *out;
	const char *prefix;
	size_t prefix_len;
	const char *typed;
};

static void emit(void *to, const char *word, const char *meaning)
{
	const struct sink *sink = to;
	char clean[WORD_MAX];

	/* Names of a segment may hold blanks, what terminals obey and what shells obey:
	 * those are none to be typed, and not all shells quote what they fill in. */
	(void)snprintf(clean, sizeof(clean), "%s", word);
	(void)cli_strip_controls(clean);
	if (strncmp(word, sink->typed, strlen(sink->typed)) != 0 ||
	    strcmp(clean, word) != 0 || strpbrk(word, OBEYED))
		return;
	(void)fprintf(sink->out, "%.*s%s\t%.*s\n", (int)sink->prefix_len, sink->prefix,
		      word, (int)strcspn(meaning, "\n"), meaning);
}

/* ---- what fills in a value ----------------------------------------------- */

static int emit_instance(const char *name, const char *path, void *user)
{
	(void)path;
	emit(user, name, "instance");
	return 0;
}

static void emit_pools(const struct line *line, struct sink *sink)
{
	char path[SNP_PATH_BYTES];
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_look look = {0};

	if (snp_segment_find(line->instance, path, NULL) == 0 &&
	    snp_segment_attach(path, &seg, NULL) == 0 &&
	    snp_segment_snapshot(seg, &snap, NULL) == 0 &&
	    snp_look_read(&look, snap, NULL, NULL) == 0)
		for (size_t i = 0; i < look.pools_nr; i++)
			emit(sink, look.pools[i].name, "pool");
	snp_look_fini(&look);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void emit_words(const char *words, struct sink *sink)
{
	char word[WORD_MAX];

	for (; *words; words += *words == '|') {
		size_t len = strcspn(words, "|");

		(void)snprintf(word, sizeof(word), "%.*s", (int)len, words);
		emit(sink, word, "");
		words += len;
	}
}

/* After the last comma a new word begins. */
static void begin_after_comma(struct sink *sink, char prefix[WORD_MAX])
{
	const char *comma = strrchr(sink->typed, ',');

	if (!comma)
		return;
	(void)snprintf(prefix, WORD_MAX, "%.*s%.*s", (int)sink->prefix_len,
		       sink->prefix, (int)(comma + 1 - sink->typed), sink->typed);
	sink->prefix = prefix;
	sink->prefix_len = strlen(prefix);
	sink->typed = comma + 1;
}

/* `what` is a `complete` of the table. */
static void emit_values(const struct line *line, const char *what,
			const struct sink *whole)
{
	char kind[WORD_MAX], prefix[WORD_MAX];
	struct sink copy = *whole, *sink = &copy;
	size_t len = what ? strlen(what) : 0;

	if (len == 0)
		return;
	if (*what != '@') {
		emit_words(what, sink);
		return;
	}
	(void)snprintf(kind, sizeof(kind), "%s", what + 1);
	if (what[len - 1] == ',') {
		kind[len - 2] = '\0';
		begin_after_comma(sink, prefix);
	}
	if (strcmp(kind, "file") == 0)
		(void)fputs(":file\n", sink->out);
	else if (strcmp(kind, "instance") == 0)
		(void)snp_segment_list(emit_instance, sink, NULL);
	else if (strcmp(kind, "pool") == 0)
		emit_pools(line, sink);
	else if (line->command->words)
		line->command->words(kind, emit, sink);
}

/* ---- which value it is --------------------------------------------------- */

static struct line read_line(const struct cli_command *command, int nr, char **words)
{
	struct line line = {.command = command};
	struct cli_args args = {.argc = nr, .argv = words, .command = command};
	const char *value = NULL;
	int got;

	while ((got = cli_next(&args, &value, NULL)) != CLI_END) {
		if (got < 0) /* not ours to complain about */
			args.letters = NULL;
		else if (got == CLI_OPERAND)
			line.operands_nr++;
		else if (strcmp(command->options[got].name, "instance") == 0)
			line.instance = value;
	}
	line.options_ended = args.options_ended;
	line.wanting = args.wanting;
	return line;
}

static void complete_option(const struct line *line, const char *word, FILE *out)
{
	struct sink sink = {.out = out, .prefix = "--", .prefix_len = 2};
	const struct cli_command *command = line->command;
	size_t len = strcspn(word, "=");

	sink.typed = strlen(word) > 2 ? word + 2 : "";
	for (int i = 0; i < command->options_nr; i++) {
		const struct cli_option *option = &command->options[i];

		if (!cli_option_is_real(option))
			continue;
		if (!word[len]) {
			emit(&sink, option->name, option->help ? option->help : "");
		} else if (option->complete && strlen(option->name) == len - 2 &&
			   strncmp(option->name, word + 2, len - 2) == 0) {
			sink = (struct sink){out, word, len + 1, word + len + 1};
			emit_values(line, option->complete, &sink);
			return;
		}
	}
}

static void complete_operand(const struct line *line, const char *word, FILE *out)
{
	struct sink sink = {.out = out, .prefix = "", .typed = word};
	const char *what = line->command->operands;
	char one[WORD_MAX];

	for (int i = 0; what && *what; i++) {
		size_t len = strcspn(what, " ");

		if (i == line->operands_nr) {
			(void)snprintf(one, sizeof(one), "%.*s", (int)len, what);
			emit_values(line, one, &sink);
			return;
		}
		what += len;
		what += *what == ' ';
	}
}

void cli_complete(const struct cli_command *command, int nr, char **words, FILE *out)
{
	const char *word = nr > 0 ? words[nr - 1] : "";
	struct line line = read_line(command, nr > 0 ? nr - 1 : 0, words);
	struct sink sink = {.out = out, .prefix = "", .typed = word};

	if (line.wanting)
		emit_values(&line, command->options[line.wanting - 1].complete, &sink);
	else if (*word == '-' && !line.options_ended)
		complete_option(&line, word, out);
	else
		complete_operand(&line, word, out);
}
