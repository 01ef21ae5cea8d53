/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"

/* Longer than a day is no time to wait but a typing error. */
#define SECONDS_MAX 86400.0

/* Rows that are no option: headings, and patterns that stand for others. */
bool cli_option_is_real(const struct cli_option *option)
{
	return option->name && option->name[0] != '[';
}

static int missing_value(struct cli_args *args, int i, const char *typed,
			 struct snp_err *err)
{
	const struct cli_option *option = &args->command->options[i];

	args->wanting = i + 1;
	return snp_err_set(err, -EINVAL, "option '%s' needs a value: %s %s", typed,
			   typed, option->value);
}

static int unknown_option(const struct cli_args *args, const char *name, size_t len,
			  struct snp_err *err)
{
	char word[CLI_NEAREST_MAX + 1] = "";
	struct cli_nearest nearest = {.word = word};

	if (len < sizeof(word))
		memcpy(word, name, len);
	for (int i = 0; i < args->command->options_nr; i++)
		if (cli_option_is_real(&args->command->options[i]))
			cli_nearest_try(&nearest, args->command->options[i].name);
	if (nearest.best)
		return snp_err_set(err, -EINVAL,
				   "unknown option '--%.*s'; did you mean '--%s'?",
				   (int)len, name, nearest.best);
	return snp_err_set(err, -EINVAL, "unknown option '--%.*s'", (int)len, name);
}

static int long_option(struct cli_args *args, const char *typed, const char **ret_value,
		       struct snp_err *err)
{
	const char *name = typed + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;

	for (int i = 0; i < args->command->options_nr; i++) {
		const struct cli_option *option = &args->command->options[i];

		if (!cli_option_is_real(option) || strlen(option->name) != len ||
		    memcmp(option->name, name, len) != 0)
			continue;
		if (!option->value && value)
			return snp_err_set(
			    err, -EINVAL,
			    "option '--%s' takes no value; leave out '=%s'",
			    option->name, value);
		if (option->value && !value) {
			if (args->next == args->argc)
				return missing_value(args, i, typed, err);
			value = args->argv[args->next++];
		}
		*ret_value = value;
		return i;
	}
	return unknown_option(args, name, len, err);
}

static int letter_option(struct cli_args *args, const char **ret_value,
			 struct snp_err *err)
{
	char typed[] = {'-', *args->letters, '\0'};

	for (int i = 0; i < args->command->options_nr; i++) {
		const struct cli_option *option = &args->command->options[i];

		if (option->letter != typed[1])
			continue;
		args->letters++;
		*ret_value = NULL;
		if (option->value) {
			if (*args->letters)
				*ret_value = args->letters;
			else if (args->next < args->argc)
				*ret_value = args->argv[args->next++];
			else
				return missing_value(args, i, typed, err);
			args->letters = NULL;
		}
		return i;
	}
	return snp_err_set(err, -EINVAL, "unknown option '%s'", typed);
}

int cli_next(struct cli_args *args, const char **ret_value, struct snp_err *err)
{
	const char *arg;

	if (args->letters && *args->letters)
		return letter_option(args, ret_value, err);
	args->letters = NULL;
	if (args->next >= args->argc)
		return CLI_END;
	arg = args->argv[args->next++];
	if (!args->options_ended && strcmp(arg, "--") == 0) {
		args->options_ended = true;
		return cli_next(args, ret_value, err);
	}
	if (args->options_ended || arg[0] != '-' || arg[1] == '\0') {
		*ret_value = arg;
		return CLI_OPERAND;
	}
	if (arg[1] == '-')
		return long_option(args, arg, ret_value, err);
	args->letters = arg + 1;
	return letter_option(args, ret_value, err);
}

int cli_next_option(struct cli_args *args, const char **ret_value, struct snp_err *err)
{
	const int option = cli_next(args, ret_value, err);

	return option == CLI_OPERAND
		   ? snp_err_set(err, -EINVAL, "unexpected argument '%s'", *ret_value)
		   : option;
}

int cli_seconds(const char *option, const char *text, uint64_t *ret_ms,
		struct snp_err *err)
{
	char *end;
	double seconds = strtod(text, &end);

	/* Written so that NaN is refused, too. */
	if (end == text || *end || !(seconds >= 0.001 && seconds <= SECONDS_MAX))
		return snp_err_set(err, -EINVAL,
				   "--%s '%s' is not a number of seconds from 0.001 to "
				   "86400",
				   option, text);
	*ret_ms = (uint64_t)llround(seconds * 1000);
	return 0;
}

int cli_time(const char *option, const char *text, uint64_t min_ms, uint64_t max_ms,
	     uint64_t *ret_ms, struct snp_err *err)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	size_t digits = strspn(text, "0123456789");
	uint64_t number = digits > 0 && digits < 10 ? strtoull(text, NULL, 10) : 0;
	uint64_t ms = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + digits, units[i].name) == 0)
			ms = number * units[i].ms;
	if (ms < min_ms || ms > max_ms || ms == 0)
		return snp_err_set(err, -EINVAL,
				   "--%s '%s': expected %" PRIu64 "ms to %" PRIu64
				   "m, such as 10s",
				   option, text, min_ms, max_ms / 60000);
	*ret_ms = ms;
	return 0;
}
