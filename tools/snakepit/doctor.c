/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit doctor: can this machine run Snakepit, and if not, what to do. */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "cli/table.h"
#include "command.h"
#include "model/json_out.h"
#include "model/target.h"

enum {
#include "cli/as_ids.h"
#include "doctor.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "doctor.def"
};

static void describe_checks(struct snp_json *json);

const struct cli_command doctor_command = {
    .name = "snakepit doctor",
    .summary = "check whether this machine can run Snakepit",
    .examples = "  snakepit doctor\n"
		"  snakepit doctor -c snakepit.yaml\n"
		"  snakepit doctor -c snakepit.yaml ports limits\n"
		"  SNAKEPIT_PYTHON=/opt/python3.12/bin/python3 snakepit doctor\n",
    .usage = "[OPTION]... [CHECK]...",
    .notes = "Changes nothing. All checks, or those that are named:\n"
#define DOCTOR_CHECK(id, help) "  " #id ": " help "\n"
#include "doctor_checks.def"
    ,
    .exits = "0 all is well or there are warnings\n"
	     "1 something has FAILed\n"
	     "2 wrong usage\n",
    .options = rows,
    .options_nr = OPT_NR,
    .describe = describe_checks,
};

static const struct check {
	const char *name, *help;
	void (*look)(struct doctor *doctor);
} checks[] = {
#define DOCTOR_CHECK(id, help) {#id, help, doctor_check_##id},
#include "doctor_checks.def"
};

#define CHECKS_NR (sizeof(checks) / sizeof(checks[0]))

struct options {
	bool json;
	bool named[CHECKS_NR], any_named;
};

static const char *const level_names[] = {
    [DOCTOR_OK] = "ok",
    [DOCTOR_WARN] = "warn",
    [DOCTOR_FAIL] = "FAIL",
};

/* The man page lists them. */
static void describe_checks(struct snp_json *json)
{
	snp_json_key(json, "checks");
	snp_json_array_begin(json);
	for (size_t i = 0; i < CHECKS_NR; i++) {
		snp_json_object_begin(json);
		snp_json_kv_string(json, "name", checks[i].name);
		snp_json_kv_string(json, "help", checks[i].help);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

static struct doctor_finding *next_finding(struct doctor *doctor)
{
	if (doctor->findings_nr == DOCTOR_FINDINGS_MAX)
		return NULL;
	return &doctor->finding[doctor->findings_nr++];
}

void doctor_ok(struct doctor *doctor, const char *fmt, ...)
{
	struct doctor_finding *finding = next_finding(doctor);
	va_list ap;

	if (!finding)
		return;
	*finding = (struct doctor_finding){.check = doctor->check, .advice = ""};
	va_start(ap, fmt);
	(void)vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

void doctor_bad(struct doctor *doctor, enum doctor_level level, const char *advice,
		const char *fmt, ...)
{
	struct doctor_finding *finding = next_finding(doctor);
	va_list ap;

	if (!finding)
		return;
	*finding = (struct doctor_finding){
	    .check = doctor->check, .level = level, .advice = advice};
	va_start(ap, fmt);
	(void)vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

/* Not as a table, which cuts long cells: the advice stands at the end. */
static int print_text(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->findings_nr; i++) {
		struct doctor_finding *finding = &doctor->finding[i];

		(void)printf("%-4s  %-11s  %s%s%s\n", level_names[finding->level],
			     finding->check, cli_strip_controls(finding->text),
			     *finding->advice ? "; " : "", finding->advice);
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int print_json(const struct doctor *doctor, bool healthy)
{
	struct snp_buf out = {0};
	struct snp_json json;
	int r;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", 1);
	snp_json_kv_bool(&json, "healthy", healthy);
	snp_json_key(&json, "findings");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < doctor->findings_nr; i++) {
		const struct doctor_finding *finding = &doctor->finding[i];

		snp_json_object_begin(&json);
		snp_json_kv_string(&json, "level", level_names[finding->level]);
		snp_json_kv_string(&json, "check", finding->check);
		snp_json_kv_string(&json, "text", finding->text);
		snp_json_kv_string(&json, "advice", finding->advice);
		snp_json_object_end(&json);
	}
	snp_json_array_end(&json);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	r = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	return r;
}

static const struct check *find_check(const char *name, struct snp_err *err)
{
	struct cli_nearest nearest = {.word = name};

	for (size_t i = 0; i < CHECKS_NR; i++) {
		if (strcmp(checks[i].name, name) == 0)
			return &checks[i];
		cli_nearest_try(&nearest, checks[i].name);
	}
	if (nearest.best)
		(void)snp_err_set(err, -EINVAL, "no check '%s'; did you mean '%s'?",
				  name, nearest.best);
	else
		(void)snp_err_set(err, -EINVAL, "no check '%s'", name);
	return NULL;
}

/* The configuration is looked at first, whatever is asked for: others need it. */
static void look(struct doctor *doctor, const struct options *options)
{
	for (size_t i = 0; i < CHECKS_NR; i++) {
		bool is_named = options->named[i] || !options->any_named;

		doctor->check = checks[i].name;
		if (is_named ||
		    (checks[i].look == doctor_check_config && doctor->config))
			checks[i].look(doctor);
	}
}

static int report(struct doctor *doctor, bool json)
{
	bool healthy = true;
	int r;

	for (size_t i = 0; i < doctor->findings_nr; i++)
		healthy = healthy && doctor->finding[i].level != DOCTOR_FAIL;
	r = json ? print_json(doctor, healthy) : print_text(doctor);
	if (r < 0) {
		cli_complain("doctor: cannot print: %s", strerror(-r));
		return SNP_EXIT_FAILURE;
	}
	return healthy ? SNP_EXIT_OK : SNP_EXIT_FAILURE;
}

static int take_name(const char *name, struct options *options)
{
	struct snp_err err = {0};
	const struct check *check = find_check(name, &err);

	if (!check)
		return cli_usage(&doctor_command, &err);
	options->named[check - checks] = true;
	options->any_named = true;
	return SNP_EXIT_OK;
}

int command_doctor(int argc, char **argv)
{
	static struct doctor doctor; /* too large for a stack frame */
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &doctor_command, .next = 1};
	struct options options = {0};
	struct snp_err err = {0};
	const char *value;
	int got;

	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got < 0)
			return cli_usage(&doctor_command, &err);
		if (got == OPT_HELP)
			return cli_print_help(&doctor_command);
		if (got == OPT_CONFIG)
			doctor.config = value;
		options.json |= got == OPT_JSON;
		if (got == CLI_OPERAND && take_name(value, &options) != SNP_EXIT_OK)
			return SNP_EXIT_USAGE;
	}
	look(&doctor, &options);
	return report(&doctor, options.json);
}
