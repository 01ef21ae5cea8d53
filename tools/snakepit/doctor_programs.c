/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: our own programs, Python and what it must import. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "cli/find.h"
#include "doctor.h"

#define CHILD_TIMEOUT_MS 60000 /* for one that hangs */

/* ---- programs ------------------------------------------------------------ */

#define ADVICE_BUILD   "build them with 'make', or install the package snakepit"
#define ADVICE_READERS "build it with 'make', or install snakepit-readers"

static const struct program {
	const char *name;
	bool has_version; /* the launcher and the guard take no options */
	bool is_reader;	  /* a runtime can do without */
} programs[] = {
    {"snakepitd", true, false},		 {"snakepit-launch", false, false},
    {"snakepit-guard", false, false},	 {"snakepit-exec", true, false},
    {"snakepit-control", true, false},	 {"snakepit-config", true, false},
    {"snakepit-inspect", true, false},	 {"snakepit-top", true, true},
    {"snakepit-prometheus", true, true}, {"snakepit-statsd", true, true},
    {"snakepit-otlp", true, true},
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
		doctor_bad(doctor, DOCTOR_FAIL, "build again with 'make'",
			   "%.200s cannot be run: %s", path, strerror(-r));
	else
		doctor_bad(doctor, DOCTOR_FAIL, "run 'tools/install-deps', then 'make'",
			   "%.200s --version fails (%d): %s", path, r, text);
	return false;
}

static bool program_is_good(struct doctor *doctor, const struct program *program)
{
	char path[PATH_MAX];
	struct snp_err err = {0};

	if (cli_program_find(program->name, path, &err) == 0)
		return !program->has_version || program_runs(doctor, path);
	doctor_bad(doctor, program->is_reader ? DOCTOR_WARN : DOCTOR_FAIL,
		   program->is_reader ? ADVICE_READERS : ADVICE_BUILD, "%s", err.msg);
	return false;
}

void doctor_check_programs(struct doctor *doctor)
{
	size_t nr = sizeof(programs) / sizeof(programs[0]), good = 0;
	char dir[PATH_MAX] = "?";

	for (size_t i = 0; i < nr; i++)
		good += program_is_good(doctor, &programs[i]);
	(void)cli_program_dir(dir, NULL);
	if (good == nr)
		doctor_ok(doctor, "all %zu run, in %.200s", nr, dir);
}

/* ---- Python -------------------------------------------------------------- */

#define ADVICE_PYTHON "set SNAKEPIT_PYTHON to a Python 3.9 or later"

/* One line each: version, then per module "name version" or "name ! reason". The
 * generated code is what needs grpcio and protobuf to be new enough. */
static const char probe[] =
    "import importlib, platform\n"
    "print(platform.python_version())\n"
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
    {"grpc", DOCTOR_FAIL,
     "install grpcio: 'tools/install-deps', or Debian's python3-grpcio"},
    {"google.protobuf", DOCTOR_FAIL,
     "install protobuf: 'tools/install-deps', or Debian's python3-protobuf"},
    {"snakepit_bridge", DOCTOR_FAIL,
     "the checkout or installation is not complete: install it again"},
    {"snakepit_bridge._generated.pool_pb2_grpc", DOCTOR_FAIL,
     "generate it with 'make', with the same Python"},
    {"sqlite3", DOCTOR_WARN, "the demo's search pool needs a Python with sqlite3"},
};

static void judge_version(struct doctor *doctor, const char *python,
			  const char *version)
{
	int major = 0, minor = 0;

	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		doctor_bad(doctor, DOCTOR_FAIL, ADVICE_PYTHON,
			   "%.200s does not tell its version", python);
	else if (major != 3 || minor < 9)
		doctor_bad(doctor, DOCTOR_FAIL, ADVICE_PYTHON, "%.200s is Python %s",
			   python, version);
	else
		doctor_ok(doctor, "%.200s is Python %s", python, version);
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
			doctor_bad(doctor, module->level, module->advice,
				   "cannot import %s: %s", module->name, rest + 3);
		else
			doctor_ok(doctor, "%s%s", module->name, rest);
		return;
	}
}

/* PYTHONPATH of the bridge, of a checkout or of an installation. */
static int find_bridge(char *ret_env, size_t size, struct snp_err *err)
{
	char server[PATH_MAX];

	if (cli_file_find("python/grpc_server.py", server, NULL) < 0 &&
	    cli_file_find("priv/python/grpc_server.py", server, err) < 0)
		return -ENOENT;
	*strrchr(server, '/') = '\0';
	(void)snprintf(ret_env, size, "PYTHONPATH=%s", server);
	return 0;
}

void doctor_check_python(struct doctor *doctor)
{
	char python[PATH_MAX], env[PATH_MAX + 16], text[4096];
	char *argv[] = {python, (char *)"-c", (char *)probe, NULL};
	struct snp_err err = {0};
	char *save = NULL;
	int r;

	if (cli_python_find(python, &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL,
			   "run 'tools/install-deps', or install python3", "%s",
			   err.msg);
		return;
	}
	if (find_bridge(env, sizeof(env), &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL,
			   "run it from a complete checkout or installation", "%s",
			   err.msg);
		return;
	}
	r = child_output(argv, env, CHILD_TIMEOUT_MS, text, sizeof(text));
	if (r != 0) {
		first_line(text);
		doctor_bad(doctor, DOCTOR_FAIL,
			   "set SNAKEPIT_PYTHON to a Python that works",
			   "%.200s fails: %.200s", python, r < 0 ? strerror(-r) : text);
		return;
	}
	for (char *line = strtok_r(text, "\n", &save), *first = line; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (line == first)
			judge_version(doctor, python, line);
		else
			judge_module(doctor, line);
	}
}
