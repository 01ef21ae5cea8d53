/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: the configuration, adapters, the environment. What the
 * configuration means is asked of snakepitd, which knows best. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "cli/find.h"
#include "cli/nearest.h"
#include "doctor.h"
#include "instance.h"

#define PLAN_TIMEOUT_MS	  10000
#define IMPORT_TIMEOUT_MS 60000 /* as long as a start may take by default */
#define NO_CONFIG	  "not looked at: no good configuration was given with -c FILE"

extern char **environ;

/* ---- the plan ------------------------------------------------------------ */

/* The lines of the plan, one after the other; NULL before and behind them. */
static const char *line_after(const struct doctor_plan *plan, const char *line)
{
	const char *next = line ? line + strlen(line) + 1 : plan->text;

	return next < plan->text + plan->len ? next : NULL;
}

const char *doctor_plan_next(const struct doctor *doctor, const char *name,
			     const char *last)
{
	size_t len = strlen(name);
	const char *line = last ? last - len - 1 : NULL;

	while ((line = line_after(&doctor->plan, line)))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return line + len + 1;
	return NULL;
}

uint64_t doctor_plan_number(const struct doctor *doctor, const char *name,
			    uint64_t otherwise)
{
	const char *value = doctor_plan_next(doctor, name, NULL);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

bool doctor_instance_runs(const struct doctor *doctor)
{
	const char *name = doctor_plan_next(doctor, "instance", NULL);
	char path[SNP_PATH_BYTES];
	struct instance inst;
	bool runs;

	if (!name || snp_segment_path(name, path, NULL) < 0 ||
	    instance_open(path, &inst, NULL) < 0)
		return false;
	runs = inst.verdict == SNP_WRITER_ALIVE;
	instance_close(&inst);
	return runs;
}

/* Run snakepitd on the configuration with `option` and, unless NULL, its value. */
static int ask_runtime(const struct doctor *doctor, const char *option,
		       const char *value, unsigned timeout_ms, char *ret_text,
		       size_t size)
{
	char path[PATH_MAX];
	char *argv[] = {path,		(char *)"-c",  (char *)doctor->config,
			(char *)option, (char *)value, NULL};
	struct snp_err err = {0};

	if (cli_program_find("snakepitd", path, &err) < 0) {
		(void)snprintf(ret_text, size, "%s", err.msg);
		return err.code;
	}
	return child_output(argv, NULL, timeout_ms, ret_text, size);
}

/* What a program that ended with `r` (child.h) said last: Python's tracebacks end with
 * what is wrong. */
static const char *last_line(char *text, int r)
{
	size_t len = strlen(text);
	char *newline;

	if (r == -ETIMEDOUT)
		return "it did not end in time";
	if (len == 0)
		return r < 0 ? strerror(-r) : "it ended without a word";
	if (text[len - 1] == '\n')
		text[len - 1] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

void doctor_check_config(struct doctor *doctor)
{
	struct doctor_plan *plan = &doctor->plan;
	const char *dir;
	int r;

	if (!doctor->config) {
		doctor_ok(doctor, NO_CONFIG);
		return;
	}
	r = ask_runtime(doctor, "--plan", NULL, PLAN_TIMEOUT_MS, plan->text,
			sizeof(plan->text));
	if (r != 0) {
		doctor_bad(doctor, DOCTOR_FAIL,
			   "mend it; 'snakepit config default' "
			   "explains every key",
			   "%s", last_line(plan->text, r));
		return;
	}
	plan->len = strlen(plan->text);
	for (char *newline = plan->text; (newline = strchr(newline, '\n')); newline++)
		*newline = '\0';
	/* From here on all of us, and what we start, looks where the runtime will be.
	 */
	dir = doctor_plan_next(doctor, "dir", NULL);
	if (dir)
		(void)setenv("SNAKEPIT_DIR", dir, 1);
	doctor_ok(doctor, "%.300s is good", doctor->config);
}

/* ---- adapters ------------------------------------------------------------ */

static void check_adapter(struct doctor *doctor, const char *line)
{
	size_t name_len = strcspn(line, " ");
	char pool[DOCTOR_TEXT_BYTES / 4], text[8192] = "";
	const char *last;
	int r;

	(void)snprintf(pool, sizeof(pool), "%.*s", (int)name_len, line);
	if (strcmp(line + name_len, " native") != 0) {
		doctor_ok(doctor, "pool %s: not looked at: it has a program of its own",
			  pool);
		return;
	}
	r = ask_runtime(doctor, "--import", pool, IMPORT_TIMEOUT_MS, text,
			sizeof(text));
	last = last_line(text, r);
	if (r == 0)
		doctor_ok(doctor, "pool %s: %.300s", pool, last);
	else
		doctor_bad(doctor, DOCTOR_FAIL,
			   "check the pool's adapter, pythonpath, python and env",
			   "pool %s: %.300s", pool, last);
}

void doctor_check_adapters(struct doctor *doctor)
{
	const char *pool = NULL;

	if (doctor->plan.len == 0)
		doctor_ok(doctor, NO_CONFIG);
	while ((pool = doctor_plan_next(doctor, "pool", pool)))
		check_adapter(doctor, pool);
}

/* ---- the environment ----------------------------------------------------- */

enum variable_group { PLACE, TELEMETRY, ENDPOINT, EXPORT, UNUSED, WORKER };

static const struct variable {
	enum variable_group group;
	const char *name;
} variables[] = {
#define SNP_ENV(group, name, by, otherwise, help) {group, name},
#define SNP_SWITCH(section, member, key, help)
#include "cli/environment.def"
};
#define VARIABLES_NR (sizeof(variables) / sizeof(variables[0]))

static const struct variable *find_variable(const char *name)
{
	for (size_t i = 0; i < VARIABLES_NR; i++)
		if (strcmp(variables[i].name, name) == 0)
			return &variables[i];
	return NULL;
}

static void warn_unknown(struct doctor *doctor, const char *name)
{
	struct cli_nearest nearest = {.word = name};

	for (size_t i = 0; i < VARIABLES_NR; i++)
		cli_nearest_try(&nearest, variables[i].name);
	if (nearest.best)
		doctor_bad(doctor, DOCTOR_WARN, "spell it so, or unset it",
			   "%.200s is read by nobody; did you mean %s?", name,
			   nearest.best);
	else
		doctor_bad(doctor, DOCTOR_WARN,
			   "unset it; docs/environment.md names those there are",
			   "%.200s is read by nobody", name);
}

static void judge_variable(struct doctor *doctor, const char *name)
{
	const struct variable *variable = find_variable(name);

	if (!variable && strncmp(name, "SNAKEPIT_", strlen("SNAKEPIT_")) == 0)
		warn_unknown(doctor, name);
	if (!variable)
		return;
	if (variable->group == UNUSED)
		doctor_bad(
		    doctor, DOCTOR_WARN, "unset it; see docs/environment.md",
		    "%s has no effect here, or keeps snakepit-otlp from starting",
		    name);
	else if (variable->group == WORKER)
		doctor_bad(doctor, DOCTOR_WARN, "unset it",
			   "%s is the runtime's to tell its workers", name);
	else if (variable->group == TELEMETRY || variable->group == ENDPOINT)
		doctor_ok(doctor, "%s decides about telemetry", name);
}

void doctor_check_environment(struct doctor *doctor)
{
	size_t before = doctor->findings_nr;

	for (char **variable = environ; *variable; variable++) {
		char name[128];
		size_t len = strcspn(*variable, "=");

		if (len >= sizeof(name) || (*variable)[len] == '\0' ||
		    (*variable)[len + 1] == '\0')
			continue; /* too long for any of ours, or empty: not set */
		memcpy(name, *variable, len);
		name[len] = '\0';
		judge_variable(doctor, name);
	}
	if (doctor->findings_nr == before)
		doctor_ok(doctor, "no variable turns telemetry on or off");
}
