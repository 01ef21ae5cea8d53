/* SPDX-License-Identifier: Apache-2.0 */
/* Where segments live and how a user's word for one becomes a path. */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "snakepit/read.h"

#define SUFFIX	    ".seg"
#define SUFFIX_PREV ".prev.seg"

static int path_format(char ret[SNP_PATH_BYTES], struct snp_err *err, const char *fmt,
		       const char *a, const char *b)
{
	char path[SNP_PATH_BYTES];
	int n = snprintf(path, sizeof(path), fmt, a, b);

	if (n < 0 || (size_t)n >= sizeof(path))
		return snp_err_set(err, -ENAMETOOLONG, "path too long: %.64s...", a);
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

static const char *env_nonempty(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* In a container /run is often part of the image, on disk: no place for a segment. */
static bool is_tmpfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

int snp_dir_default(char ret_dir[SNP_PATH_BYTES], struct snp_err *err)
{
	const char *dir;
	char uid[24];
	int rc;

	if ((dir = env_nonempty("SNAKEPIT_DIR")))
		return path_format(ret_dir, err, "%s%s", dir, "");
	if ((dir = env_nonempty("RUNTIME_DIRECTORY"))) {
		rc = path_format(ret_dir, err, "%s%s", dir, "");
		if (rc == 0) /* several are separated by colons (systemd.exec(5)) */
			ret_dir[strcspn(ret_dir, ":")] = '\0';
		return rc;
	}
	if (geteuid() == 0 && is_tmpfs("/run"))
		return path_format(ret_dir, err, "%s%s", "/run/snakepit", "");
	if ((dir = env_nonempty("XDG_RUNTIME_DIR")))
		return path_format(ret_dir, err, "%s%s", dir, "/snakepit");
	(void)snprintf(uid, sizeof(uid), "%lu", (unsigned long)geteuid());
	return path_format(ret_dir, err, "%s%s", "/dev/shm/snakepit-", uid);
}

int snp_segment_path(const char *instance, char ret_path[SNP_PATH_BYTES],
		     struct snp_err *err)
{
	char dir[SNP_PATH_BYTES], tail[SNP_FMT_NAME_BYTES + sizeof(SUFFIX)];
	int rc = snp_dir_default(dir, err);

	if (rc < 0)
		return rc;
	if (strlen(instance) >= SNP_FMT_NAME_BYTES)
		return snp_err_set(err, -ENAMETOOLONG,
				   "instance name is longer than %d bytes: %.64s...",
				   SNP_FMT_NAME_BYTES - 1, instance);
	(void)snprintf(tail, sizeof(tail), "%s" SUFFIX, instance);
	return path_format(ret_path, err, "%s/%s", dir, tail);
}

static int is_segment(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	size_t suffix = sizeof(SUFFIX) - 1, prev = sizeof(SUFFIX_PREV) - 1;

	return entry->d_name[0] != '.' && len > suffix &&
	       len - suffix < SNP_FMT_NAME_BYTES &&
	       strcmp(entry->d_name + len - suffix, SUFFIX) == 0 &&
	       !(len > prev && strcmp(entry->d_name + len - prev, SUFFIX_PREV) == 0);
}

int snp_segment_list(int (*visit)(const char *instance, const char *path, void *user),
		     void *user, struct snp_err *err)
{
	char dir[SNP_PATH_BYTES], path[SNP_PATH_BYTES];
	struct dirent **entries = NULL;
	int rc = snp_dir_default(dir, err);
	int n, i, found = 0;

	if (rc < 0)
		return rc;
	n = scandir(dir, &entries, is_segment, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : snp_err_errno(err, "cannot list %s", dir);
	for (i = 0; i < n && rc == 0; i++) {
		rc = path_format(path, err, "%s/%s", dir, entries[i]->d_name);
		if (rc == 0) {
			entries[i]
			    ->d_name[strlen(entries[i]->d_name) - strlen(SUFFIX)] =
			    '\0';
			rc = visit(entries[i]->d_name, path, user);
			found++;
		}
	}
	for (i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return rc ? rc : found;
}

struct found {
	int count;
	char path[SNP_PATH_BYTES];
	char names[256];
};

static int remember(const char *instance, const char *path, void *user)
{
	struct found *found = user;
	size_t len = strlen(found->names);

	if (found->count++ == 0)
		memcpy(found->path, path, strlen(path) + 1);
	(void)snprintf(found->names + len, sizeof(found->names) - len, "%s%s",
		       len ? ", " : "", instance);
	return 0;
}

int snp_segment_find(const char *name, char ret_path[SNP_PATH_BYTES],
		     struct snp_err *err)
{
	struct found found = {.count = 0};
	char dir[SNP_PATH_BYTES];
	int rc;

	if (!name || !*name)
		name = env_nonempty("SNAKEPIT_INSTANCE");
	if (name && strchr(name, '/'))
		return path_format(ret_path, err, "%s%s", name, "");
	if (name)
		return snp_segment_path(name, ret_path, err);
	rc = snp_segment_list(remember, &found, err);
	if (rc < 0)
		return rc;
	rc = snp_dir_default(dir, err);
	if (rc < 0)
		return rc;
	if (found.count == 0)
		return snp_err_set_field(
		    err, -ENOENT, "path",
		    "no instance found in %s; start one with 'snakepit run', "
		    "or name a directory in SNAKEPIT_DIR",
		    dir);
	if (found.count > 1)
		return snp_err_set_field(
		    err, -EEXIST, "path",
		    "several instances in %s (%s); choose one with -n NAME", dir,
		    found.names);
	memcpy(ret_path, found.path, strlen(found.path) + 1);
	return 0;
}
