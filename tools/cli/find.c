/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/find.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A build puts programs two (build/bin) or three (build/asan/bin) folders down. */
#define LEVELS_UP 3

static int join(const char *dir, size_t dir_len, const char *name, char ret[PATH_MAX])
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

static bool is_runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int cli_program_dir(char ret_dir[PATH_MAX], struct snp_err *err)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (len < 0)
		return snp_err_errno(err, "cannot tell where this program is");
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return snp_err_set(err, -ENOENT, "cannot tell where this program is");
	*slash = '\0';
	memcpy(ret_dir, path, (size_t)(slash - path) + 1);
	return 0;
}

static int find_in_path(const char *name, char ret_path[PATH_MAX])
{
	const char *dir = getenv("PATH");
	char path[PATH_MAX];

	while (dir && *dir) {
		size_t len = strcspn(dir, ":");

		/* An empty entry would mean the current directory: not for us. */
		if (len > 0 && join(dir, len, name, path) == 0 && is_runnable(path)) {
			memcpy(ret_path, path, strlen(path) + 1);
			return 0;
		}
		dir += len;
		dir += *dir == ':';
	}
	return -ENOENT;
}

int cli_program_find(const char *name, char ret_path[PATH_MAX], struct snp_err *err)
{
	char dir[PATH_MAX], path[PATH_MAX];
	int r = cli_program_dir(dir, err);

	if (r < 0)
		return r;
	if (join(dir, strlen(dir), name, path) == 0 && is_runnable(path)) {
		memcpy(ret_path, path, strlen(path) + 1);
		return 0;
	}
	if (find_in_path(name, ret_path) == 0)
		return 0;
	return snp_err_set(err, -ENOENT, "no program '%s' in %s or in PATH", name, dir);
}

int cli_file_find(const char *file, char ret_path[PATH_MAX], struct snp_err *err)
{
	char dir[PATH_MAX], path[PATH_MAX], shared[PATH_MAX];
	int r = cli_program_dir(dir, err);
	char *slash;

	if (r < 0)
		return r;
	if (join("share/snakepit", strlen("share/snakepit"), file, shared) < 0)
		return snp_err_set(err, -ENAMETOOLONG, "path too long: %.64s...", file);
	for (int up = 0; up < LEVELS_UP; up++) {
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
		if ((join(dir, strlen(dir), file, path) == 0 &&
		     access(path, R_OK) == 0) ||
		    (join(dir, strlen(dir), shared, path) == 0 &&
		     access(path, R_OK) == 0)) {
			memcpy(ret_path, path, strlen(path) + 1);
			return 0;
		}
	}
	return snp_err_set(err, -ENOENT, "cannot find %s above this program's folder",
			   file);
}

/* What $SNAKEPIT_PYTHON names: a path, or a name to be found in $PATH. */
static int find_chosen(const char *chosen, char ret_path[PATH_MAX])
{
	size_t len = strlen(chosen);

	if (!strchr(chosen, '/'))
		return find_in_path(chosen, ret_path);
	if (len >= PATH_MAX || !is_runnable(chosen))
		return -ENOENT;
	memcpy(ret_path, chosen, len + 1);
	return 0;
}

int cli_python_find(char ret_path[PATH_MAX], struct snp_err *err)
{
	const char *chosen = getenv("SNAKEPIT_PYTHON");

	if (chosen && *chosen) {
		if (find_chosen(chosen, ret_path) == 0)
			return 0;
		return snp_err_set(err, -ENOENT, "SNAKEPIT_PYTHON=%s is no program",
				   chosen);
	}
	if (cli_file_find(".venv/bin/python3", ret_path, NULL) == 0 ||
	    find_in_path("python3", ret_path) == 0)
		return 0;
	return snp_err_set(err, -ENOENT, "no python3 in .venv or in PATH");
}

int cli_exec(const char *path, char *const argv[], struct snp_err *err)
{
	execv(path, argv);
	return snp_err_errno(err, "cannot run %s", path);
}
