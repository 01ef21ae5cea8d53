/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: our own programs, Python and what it must import. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "cli/find.h"
#include "doctor.h"

#define CHILD_TIMEOUT_MS 10000

/* ---- programs ------------------------------------------------------------ */

static const struct program {
	const char *name;
	bool has_version; /* the launcher takes no options */
} programs[] = {
    {"snakepitd", true},	   {"snakepit-launch", false},
    {"snakepit-exec", true},	   {"snakepit-control", true},
    {"snakepit-config", true},	   {"snakepit-inspect", true},
    {"snakepit-prometheus", true}, {"snakepit-statsd", true},
    {"snakepit-top", true},
};

static void first_line(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

/* Running it shows what being there does not: a library that is missing. */
static bool program_runs(struct doctor *doctor, const char *path)
{
	char *argv[] = {(char *)path, (char *)"--version", NULL};
	char text[DOCTOR_TEXT_BYTES / 2];
	int r = child_output(argv, NULL, CHILD_TIMEOUT_MS, text, sizeof(text));

	if (r == 0)
		return true;
	first_line(text);
	if (r < 0)
		doctor_bad(doctor, DOCTOR_FAIL, "programs", "build again with 'make'",
			   "%.200s cannot be run: %s", path, strerror(-r));
	else
		doctor_bad(doctor, DOCTOR_FAIL, "programs",
			   "run 'tools/install-deps', then 'make'",
			   "%.200s --version fails (%d): %s", path, r, text);
	return false;
}

void doctor_check_programs(struct doctor *doctor)
{
	size_t nr = sizeof(programs) / sizeof(programs[0]), good = 0;
	char dir[PATH_MAX] = "?";

	for (size_t i = 0; i < nr; i++) {
		char path[PATH_MAX];
		struct snp_err err = {0};

		if (cli_program_find(programs[i].name, path, &err) < 0)
			doctor_bad(doctor, DOCTOR_FAIL, "programs",
				   "build them with 'make'", "%s", err.msg);
		else if (!programs[i].has_version || program_runs(doctor, path))
			good++;
	}
	(void)cli_program_dir(dir, NULL);
	if (good == nr)
		doctor_ok(doctor, "programs", "all %zu run, in %.200s", nr, dir);
}

/* ---- Python -------------------------------------------------------------- */

/* One line each: version, virtual environment or "-", then per module "name version" or
 * "name ! reason". The generated code is what needs grpcio and protobuf to be new
 * enough. */
static const char probe[] =
    "import importlib, platform, sys\n"
    "print(platform.python_version())\n"
    "print(sys.prefix if sys.prefix != sys.base_prefix else '-')\n"
    "for name in ('grpc', 'google.protobuf', 'snakepit_bridge',\n"
    "             'snakepit_bridge._generated.pool_pb2_grpc', 'sqlite3'):\n"
    "    try:\n"
    "        module = importlib.import_module(name)\n"
    "        print(name, getattr(module, '__version__', 'found'))\n"
    "    except BaseException as exc:\n"
    "        print(name, '!', type(exc).__name__ + ':', ' '.join(str(exc).split()))\n";

static const struct module {
	const char *name;
	enum doctor_level level; /* when it is missing */
	const char *advice;
} modules[] = {
    {"grpc", DOCTOR_FAIL, "install grpcio: run 'tools/install-deps'"},
    {"google.protobuf", DOCTOR_FAIL, "install protobuf: run 'tools/install-deps'"},
    {"snakepit_bridge", DOCTOR_FAIL,
     "check priv/python: the checkout or installation is not complete"},
    {"snakepit_bridge._generated.pool_pb2_grpc", DOCTOR_FAIL,
     "generate it with 'make', with the same Python"},
    {"sqlite3", DOCTOR_WARN, "the demo's search pool needs a Python with sqlite3"},
};

static void judge_version(struct doctor *doctor, const char *python,
			  const char *version)
{
	int major = 0, minor = 0;

	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		doctor_bad(doctor, DOCTOR_FAIL, "python",
			   "set SNAKEPIT_PYTHON to a Python 3.9 or later",
			   "%.200s does not tell its version", python);
	else if (major != 3 || minor < 9)
		doctor_bad(doctor, DOCTOR_FAIL, "python",
			   "set SNAKEPIT_PYTHON to a Python 3.9 or later",
			   "%.200s is Python %s", python, version);
	else
		doctor_ok(doctor, "python", "%.200s is Python %s", python, version);
}

static void judge_module(struct doctor *doctor, const char *line)
{
	size_t name_len = strcspn(line, " ");

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		const struct module *module = &modules[i];
		const char *rest = line + name_len;

		if (strlen(module->name) != name_len ||
		    memcmp(line, module->name, name_len) != 0)
			continue;
		if (strncmp(rest, " ! ", 3) == 0)
			doctor_bad(doctor, module->level, "packages", module->advice,
				   "cannot import %s: %s", module->name, rest + 3);
		else
			doctor_ok(doctor, "packages", "%s%s", module->name, rest);
		return;
	}
}

static void judge_probe(struct doctor *doctor, const char *python, char *text)
{
	unsigned number = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		switch (number++) {
		case 0:
			judge_version(doctor, python, line);
			break;
		case 1:
			if (strcmp(line, "-") == 0)
				doctor_bad(
				    doctor, DOCTOR_WARN, "venv",
				    "'tools/install-deps' makes .venv",
				    "the interpreter is of no virtual environment");
			else
				doctor_ok(doctor, "venv", "%s", line);
			break;
		default:
			judge_module(doctor, line);
		}
	}
}

void doctor_check_python(struct doctor *doctor)
{
	char python[PATH_MAX], bridge[PATH_MAX], env[PATH_MAX + 16], text[4096];
	char *argv[] = {python, (char *)"-c", (char *)probe, NULL};
	struct snp_err err = {0};
	int r;

	if (cli_python_find(python, &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL, "python", "run 'tools/install-deps'",
			   "%s", err.msg);
		return;
	}
	if (cli_file_find("priv/python", bridge, &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL, "python",
			   "run it from a complete checkout or installation", "%s",
			   err.msg);
		return;
	}
	(void)snprintf(env, sizeof(env), "PYTHONPATH=%s", bridge);
	r = child_output(argv, env, CHILD_TIMEOUT_MS, text, sizeof(text));
	if (r == 0) {
		judge_probe(doctor, python, text);
		return;
	}
	first_line(text);
	doctor_bad(doctor, DOCTOR_FAIL, "python",
		   "set SNAKEPIT_PYTHON to a Python that works", "%.200s fails: %.200s",
		   python, r < 0 ? strerror(-r) : text);
}
