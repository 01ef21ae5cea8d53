/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit doctor: can this machine run Snakepit, and if not, what to do. */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/table.h"
#include "command.h"
#include "model/json_out.h"
#include "model/target.h"

const struct cli_command doctor_command = {
    .name = "snakepit doctor",
    .summary = "check whether this machine can run Snakepit",
    .examples = "  snakepit doctor\n"
		"  SNAKEPIT_PYTHON=/opt/python3.12/bin/python3 snakepit doctor\n",
    .usage = "[OPTION]...",
    .notes =
	"Checks programs, Python and its packages, the directory of segments and\n"
	"sockets, what dead runtimes left there, limits, and the exporter's port.\n"
	"Changes nothing.\n",
    .exits = "0 all is well or there are warnings\n"
	     "1 something has FAILed\n"
	     "2 wrong usage\n",
    .options = command_json_rows,
    .options_nr = COMMAND_JSON_ROWS_NR,
};

static const char *const level_names[] = {
    [DOCTOR_OK] = "ok",
    [DOCTOR_WARN] = "warn",
    [DOCTOR_FAIL] = "FAIL",
};

static struct doctor_finding *next_finding(struct doctor *doctor)
{
	if (doctor->findings_nr == DOCTOR_FINDINGS_MAX)
		return NULL;
	return &doctor->finding[doctor->findings_nr++];
}

void doctor_ok(struct doctor *doctor, const char *check, const char *fmt, ...)
{
	struct doctor_finding *finding = next_finding(doctor);
	va_list ap;

	if (!finding)
		return;
	*finding = (struct doctor_finding){.check = check, .advice = ""};
	va_start(ap, fmt);
	(void)vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

void doctor_bad(struct doctor *doctor, enum doctor_level level, const char *check,
		const char *advice, const char *fmt, ...)
{
	struct doctor_finding *finding = next_finding(doctor);
	va_list ap;

	if (!finding)
		return;
	*finding =
	    (struct doctor_finding){.check = check, .level = level, .advice = advice};
	va_start(ap, fmt);
	(void)vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

static int print_text(const struct doctor *doctor)
{
	struct cli_table table = {.align = "lll"};

	for (size_t i = 0; i < doctor->findings_nr; i++) {
		const struct doctor_finding *finding = &doctor->finding[i];

		cli_table_cell(&table, "%s", level_names[finding->level]);
		cli_table_cell(&table, "%s", finding->check);
		cli_table_cell(&table, "%s%s%s", finding->text,
			       *finding->advice ? "; " : "", finding->advice);
	}
	return cli_table_print(&table, stdout);
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

static int examine(bool json)
{
	static struct doctor doctor; /* 64 KiB: too much for a stack frame */
	bool healthy = true;
	int r;

	doctor_check_programs(&doctor);
	doctor_check_python(&doctor);
	doctor_check_directory(&doctor);
	doctor_check_leftovers(&doctor);
	doctor_check_limits(&doctor);
	doctor_check_port(&doctor);
	for (size_t i = 0; i < doctor.findings_nr; i++)
		healthy = healthy && doctor.finding[i].level != DOCTOR_FAIL;
	r = json ? print_json(&doctor, healthy) : print_text(&doctor);
	if (r < 0) {
		cli_complain("doctor: cannot print: %s", strerror(-r));
		return SNP_EXIT_FAILURE;
	}
	return healthy ? SNP_EXIT_OK : SNP_EXIT_FAILURE;
}

int command_doctor(int argc, char **argv)
{
	bool json;
	int code = command_json_or_help(&doctor_command, argc, argv, &json);

	if (code != COMMAND_GOES_ON)
		return code;
	return examine(json);
}
