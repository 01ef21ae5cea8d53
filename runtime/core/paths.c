/* SPDX-License-Identifier: Apache-2.0 */
#include "core/paths.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "<dir>/<tail>" into ret; false when it does not fit. */
static int join(char ret[PATH_MAX], const char *dir, const char *tail)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, tail);

	return n > 0 && n < PATH_MAX;
}

static int own_directory(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return -errno;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (slash)
		*slash = '\0';
	return 0;
}

static int find_package(const char *bin, struct paths *p, struct snp_err *err)
{
	/* installed; build/bin; build/<variant>/bin */
	static const char *const places[][2] = {
	    {"../share/snakepit/python", "../share/snakepit/.venv/bin/python3"},
	    {"../../priv/python", "../../.venv/bin/python3"},
	    {"../../../priv/python", "../../../.venv/bin/python3"},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char package[PATH_MAX];

		/* Resolved, so that command lines and PYTHONPATH read well. */
		if (join(package, bin, places[i][0]) && realpath(package, p->package) &&
		    join(p->server, p->package, "grpc_server.py") &&
		    access(p->server, R_OK) == 0)
			return join(p->venv_python, bin, places[i][1]) ? 0
								       : -ENAMETOOLONG;
	}
	return snp_err_set(
	    err, -ENOENT,
	    "cannot find grpc_server.py: looked in %s/../share/snakepit/python "
	    "and beside the build folder",
	    bin);
}

/* An installation without it works, with less to tell a busy worker by. */
static void find_beat_library(const char *bin, struct paths *p)
{
	/* installed; built */
	static const char *const places[] = {"../lib/snakepit/libsnakepit-beat.so",
					     "../lib/libsnakepit-beat.so"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char found[PATH_MAX];

		if (join(found, bin, places[i]) && realpath(found, p->beat_library) &&
		    access(p->beat_library, R_OK) == 0)
			return;
	}
	p->beat_library[0] = '\0';
}

static int find_program(const char *bin, const char *name, char ret[PATH_MAX],
			struct snp_err *err)
{
	if (join(ret, bin, name) && access(ret, X_OK) == 0)
		return 0;
	return snp_err_set(err, -ENOENT, "cannot find %s/%s", bin, name);
}

static int has_launcher(const char *bin)
{
	char launcher[PATH_MAX];

	return join(launcher, bin, "snakepit-launch") && access(launcher, X_OK) == 0;
}

/* The bin beside <lib> that has the launcher, where this function is in a library. */
static int library_programs(char ret[PATH_MAX])
{
	/* <prefix>/lib; <prefix>/lib/<architecture>, as distributions have it */
	static const char *const places[] = {"../bin", "../../bin"};
	char file[PATH_MAX];
	Dl_info info;

	if (!dladdr((void *)(uintptr_t)paths_find, &info) || !info.dli_fname ||
	    !realpath(info.dli_fname, file))
		return 0;
	*strrchr(file, '/') = '\0'; /* realpath() gave an absolute one */
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char place[PATH_MAX];

		if (join(place, file, places[i]) && realpath(place, ret) &&
		    has_launcher(ret))
			return 1;
	}
	return 0;
}

static int choose_programs(const char *given, char ret[PATH_MAX], struct snp_err *err)
{
	char beside[PATH_MAX];
	int rc;

	if (given)
		return realpath(given, ret)
			   ? 0
			   : snp_err_errno(err, "cannot find the programs in %s",
					   given);
	rc = own_directory(ret);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot read /proc/self/exe: %s",
				   strerror(-rc));
	if (!has_launcher(ret) && library_programs(beside))
		memcpy(ret, beside, sizeof(beside));
	return 0;
}

int paths_find(struct paths *ret_paths, const char *programs, struct snp_err *err)
{
	const char *bin = ret_paths->programs;
	int rc = choose_programs(programs, ret_paths->programs, err);

	if (rc == 0)
		rc = find_program(bin, "snakepit-launch", ret_paths->launcher, err);
	if (rc == 0)
		rc = find_program(bin, "snakepit-guard", ret_paths->guard, err);
	if (rc < 0)
		return rc;
	find_beat_library(bin, ret_paths);
	return find_package(bin, ret_paths, err);
}
