/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "cli/options.h"

enum { OPT_INSTANCE, OPT_JSON, OPT_VERBOSE };

static const struct cli_option options[] = {
    [OPT_INSTANCE] = {.name = "instance", .letter = 'n', .value = "NAME"},
    [OPT_JSON] = {.name = "json"},
    [OPT_VERBOSE] = {.name = "verbose", .letter = 'v'},
    {.name = NULL, .help = "A heading"},
    {.name = "[no-]verbose.NAME", .help = "a pattern"},
};

static const struct cli_command command = {
    .options = options, .options_nr = sizeof(options) / sizeof(options[0])};

static struct cli_args parse(char **argv)
{
	struct cli_args args = {.argv = argv, .command = &command};

	args.next = 1;
	while (argv[args.argc])
		args.argc++;
	return args;
}

static void assert_next(struct cli_args *args, int expected, const char *value)
{
	struct snp_err err = {0};
	const char *got = NULL;

	assert_int_equal(cli_next(args, &got, &err), expected);
	if (value)
		assert_string_equal(got, value);
	else
		assert_null(got);
}

static void assert_refused(char *first, char *second, const char *message)
{
	char *argv[] = {"program", first, second, NULL};
	struct cli_args args = parse(argv);
	struct snp_err err = {0};
	const char *value;

	assert_int_equal(cli_next(&args, &value, &err), -EINVAL);
	assert_string_equal(err.msg, message);
}

static void next_all_forms_of_a_value_are_equal(void **state)
{
	char *argv[] = {"program", "--instance",  "a", "--instance=b", "-n", "c",
			"-nd",	   "--instance=", NULL};
	struct cli_args args = parse(argv);

	(void)state;
	assert_next(&args, OPT_INSTANCE, "a");
	assert_next(&args, OPT_INSTANCE, "b");
	assert_next(&args, OPT_INSTANCE, "c");
	assert_next(&args, OPT_INSTANCE, "d");
	assert_next(&args, OPT_INSTANCE, "");
	assert_next(&args, CLI_END, NULL);
	assert_next(&args, CLI_END, NULL);
}

static void next_joined_letters_come_one_by_one(void **state)
{
	char *argv[] = {"program", "-vvn", "x", "-vny", NULL};
	struct cli_args args = parse(argv);

	(void)state;
	assert_next(&args, OPT_VERBOSE, NULL);
	assert_next(&args, OPT_VERBOSE, NULL);
	assert_next(&args, OPT_INSTANCE, "x");
	assert_next(&args, OPT_VERBOSE, NULL);
	assert_next(&args, OPT_INSTANCE, "y");
	assert_next(&args, CLI_END, NULL);
}

static void next_operands_mix_with_options(void **state)
{
	char *argv[] = {"program", "pool", "--json", "-", "--",
			"--json",  "-v",   "--",     NULL};
	struct cli_args args = parse(argv);

	(void)state;
	assert_next(&args, CLI_OPERAND, "pool");
	assert_next(&args, OPT_JSON, NULL);
	assert_next(&args, CLI_OPERAND, "-");
	assert_next(&args, CLI_OPERAND, "--json");
	assert_next(&args, CLI_OPERAND, "-v");
	assert_next(&args, CLI_OPERAND, "--");
	assert_next(&args, CLI_END, NULL);
}

static void next_option_refuses_operands_alone(void **state)
{
	char *argv[] = {"program", "-v", "--instance", "a", "pool", NULL};
	struct cli_args args = parse(argv);
	struct snp_err err = {0};
	const char *value = "";

	(void)state;
	assert_int_equal(cli_next_option(&args, &value, &err), OPT_VERBOSE);
	assert_null(value);
	assert_int_equal(cli_next_option(&args, &value, &err), OPT_INSTANCE);
	assert_string_equal(value, "a");
	assert_int_equal(cli_next_option(&args, &value, &err), -EINVAL);
	assert_string_equal(err.msg, "unexpected argument 'pool'");
}

static void next_abbreviation_is_refused(void **state)
{
	(void)state;
	assert_refused("--inst", NULL, "unknown option '--inst'");
	assert_refused("--instanc", "x",
		       "unknown option '--instanc'; did you mean '--instance'?");
}

static void next_unknown_option_suggests_the_nearest(void **state)
{
	(void)state;
	assert_refused("--jsno", NULL,
		       "unknown option '--jsno'; did you mean '--json'?");
	assert_refused("--jsno=3", NULL,
		       "unknown option '--jsno'; did you mean '--json'?");
	assert_refused("--[no-]verbose.NAME", NULL,
		       "unknown option '--[no-]verbose.NAME'");
	assert_refused("--colour", NULL, "unknown option '--colour'");
	assert_refused("-x", NULL, "unknown option '-x'");
}

static void next_missing_or_needless_value_is_refused(void **state)
{
	(void)state;
	assert_refused("--instance", NULL,
		       "option '--instance' needs a value: --instance NAME");
	assert_refused("-n", NULL, "option '-n' needs a value: -n NAME");
	assert_refused("--json=1", NULL,
		       "option '--json' takes no value; leave out '=1'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(next_all_forms_of_a_value_are_equal),
	    cmocka_unit_test(next_joined_letters_come_one_by_one),
	    cmocka_unit_test(next_operands_mix_with_options),
	    cmocka_unit_test(next_option_refuses_operands_alone),
	    cmocka_unit_test(next_abbreviation_is_refused),
	    cmocka_unit_test(next_unknown_option_suggests_the_nearest),
	    cmocka_unit_test(next_missing_or_needless_value_is_refused),
	};

	return cmocka_run_group_tests_name("cli/options", tests, NULL, NULL);
}
