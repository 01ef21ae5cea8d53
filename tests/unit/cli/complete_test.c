/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <string.h>

#include "cli/complete.h"
#include "cli/help.h"

static const struct cli_option options[] = {
    {.name = NULL, .help = "A heading"},
    {.name = "color", .value = "WHEN", .complete = "auto|always|never", .help = "when"},
    {.name = "columns", .letter = 'o', .value = "LIST", .complete = "@column,"},
    {.name = "config", .letter = 'c', .value = "FILE", .complete = "@file"},
    {.name = "text", .value = "TEXT"},
    {.name = "[no-]group.NAME", .help = "a pattern"},
    {.name = "group.a"},
    {.name = "help", .letter = 'h', .help = "one\nmore of it"},
};

static void words(const char *kind,
		  void (*emit)(void *to, const char *word, const char *meaning),
		  void *to)
{
	if (strcmp(kind, "column") != 0)
		return;
	emit(to, "rss", "memory\nof a worker");
	emit(to, "rate", "");
	emit(to, "two words", "");
	emit(to, "esc\033[2J", "");
	emit(to, "$(reboot)", "");
	emit(to, "a;reboot", "");
}

static const struct cli_command command = {
    .name = "snakepit thing",
    .summary = "do a thing",
    .examples = "  snakepit thing\n",
    .usage = "ON|OFF",
    .exits = "0 fine\n1 a failure that takes so many words to explain that they do not "
	     "fit on a line\n",
    .operands = "on|off @column",
    .options = options,
    .options_nr = sizeof(options) / sizeof(options[0]),
    .words = words,
};

/* What is offered for a line of words separated by blanks; the last may be empty. */
static char *offered(const char *line)
{
	static char *text;
	static size_t len;
	char copy[128], *word[16], *at = copy;
	FILE *out;
	int nr = 0;

	free(text);
	out = open_memstream(&text, &len);
	assert_non_null(out);
	(void)snprintf(copy, sizeof(copy), "%s", line);
	while (at)
		word[nr++] = strsep(&at, " ");
	cli_complete(&command, nr, word, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void each_place_offers_what_fits_there(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
	    {"--co", "--color\twhen\n--columns\t\n--config\t\n"},
	    {"--h", "--help\tone\n"},
	    {"-", "--color\twhen\n--columns\t\n--config\t\n--text\t\n--group.a\t\n"
		  "--help\tone\n"},
	    {"--group", "--group.a\t\n"},
	    {"--color a", "auto\t\nalways\t\n"},
	    {"--color=n", "--color=never\t\n"},
	    {"--colo=n", ""},
	    {"--text x", ""},
	    {"--text=x", ""},
	    {"-c x", ":file\n"},
	    {"--config=x", ":file\n"},
	    /* Neither a name with a blank nor what a terminal or a shell obeys. */
	    {"-o ", "rss\tmemory\nrate\t\n"},
	    {"-o rss,ra", "rss,rate\t\n"},
	    {"--columns=rss,ra", "--columns=rss,rate\t\n"},
	    {"o", "on\t\noff\t\n"},
	    {"on r", "rss\tmemory\nrate\t\n"},
	    {"on rss ", ""},
	    {"-c file on rs", "rss\tmemory\n"},
	    {"--nonesuch o", "on\t\noff\t\n"},
	    {"-hx o", "on\t\noff\t\n"},
	    {"-- -", ""},
	    {"-- o", "on\t\noff\t\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(offered(cases[i].line), cases[i].expected) != 0)
			fail_msg("'%s' offers '%s'", cases[i].line,
				 offered(cases[i].line));
	(void)offered("");
}

static void help_has_a_line_for_each_option_and_breaks_exit_codes(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	cli_help_print(&command, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(
	    text, "snakepit thing - do a thing\n"
		  "\n"
		  "examples:\n"
		  "  snakepit thing\n"
		  "\n"
		  "usage: snakepit thing ON|OFF\n"
		  "A heading:\n"
		  "      --color WHEN       when\n"
		  "      --[no-]group.NAME  a pattern\n"
		  "  -h, --help             one\n"
		  "\n"
		  "exit codes: 0 fine; 1 a failure that takes so many words to explain "
		  "that they do\n"
		  "not fit on a line\n"
		  "more: man snakepit-thing\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_place_offers_what_fits_there),
	    cmocka_unit_test(help_has_a_line_for_each_option_and_breaks_exit_codes),
	};

	return cmocka_run_group_tests_name("cli/complete", tests, NULL, NULL);
}
