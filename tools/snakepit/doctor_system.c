/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: the directory, what was left in it, limits, the port. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor.h"
#include "instance.h"
#include "snakepit/read.h"

#define MIB		      (UINT64_C(1) << 20)
#define SEGMENT_BYTES_TYPICAL (8 * MIB)
#define CONTAINER_SHM_BYTES   (64 * MIB) /* what Docker gives /dev/shm */
#define NOFILE_WANTED	      4096
#define NOFILE_NEEDED	      256
#define PROMETHEUS_PORT	      9568

/* ---- the directory ------------------------------------------------------- */

/* The nearest folder above `dir` that exists: where it will be made. */
static void existing_ancestor(const char *dir, char ret[SNP_PATH_BYTES])
{
	struct stat st;
	char *slash;

	(void)snprintf(ret, SNP_PATH_BYTES, "%s", dir);
	while (stat(ret, &st) < 0 && (slash = strrchr(ret, '/')) && slash != ret)
		*slash = '\0';
	if (stat(ret, &st) < 0)
		(void)snprintf(ret, SNP_PATH_BYTES, "/");
}

static void check_file_system(struct doctor *doctor, const char *dir)
{
	struct statfs fs;
	uint64_t free_bytes, all_bytes;

	if (statfs(dir, &fs) < 0)
		return; /* check_permissions() said why */
	free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	all_bytes = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		doctor_bad(doctor, DOCTOR_WARN, "directory",
			   "set SNAKEPIT_DIR to a folder below /dev/shm, or set "
			   "segment.allow_disk in the configuration",
			   "%.200s is not in memory (tmpfs)", dir);
	if (free_bytes < SEGMENT_BYTES_TYPICAL)
		doctor_bad(doctor, DOCTOR_FAIL, "directory",
			   "free some space there: a segment of 64 workers takes 8 MiB",
			   "%.200s has %" PRIu64 " KiB left", dir, free_bytes / 1024);
	else if (all_bytes <= CONTAINER_SHM_BYTES)
		doctor_bad(
		    doctor, DOCTOR_WARN, "directory",
		    "give the container more (docker run --shm-size) for large pools",
		    "%.200s holds only %" PRIu64 " MiB in all", dir, all_bytes / MIB);
	else
		doctor_ok(doctor, "directory", "%.200s has %" PRIu64 " MiB free", dir,
			  free_bytes / MIB);
}

static bool check_permissions(struct doctor *doctor, const char *dir)
{
	struct stat st;

	const char *wrong = NULL;

	if (stat(dir, &st) < 0)
		wrong = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		wrong = "not a directory";
	else if (access(dir, W_OK | X_OK) < 0)
		wrong = "not writable for us";
	if (wrong) {
		doctor_bad(doctor, DOCTOR_FAIL, "directory",
			   "set SNAKEPIT_DIR to a directory of yours", "%.200s: %s",
			   dir, wrong);
		return false;
	}
	return true;
}

void doctor_check_directory(struct doctor *doctor)
{
	char dir[SNP_PATH_BYTES], place[SNP_PATH_BYTES];
	struct snp_err err = {0};
	struct stat st;

	if (snp_dir_default(dir, &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL, "directory",
			   "set a shorter SNAKEPIT_DIR", "%s", err.msg);
		return;
	}
	existing_ancestor(dir, place);
	if (!check_permissions(doctor, place))
		return;
	if (strcmp(dir, place) != 0)
		doctor_ok(doctor, "directory", "%.200s will be made", dir);
	else if (stat(dir, &st) == 0 && (st.st_mode & S_IWOTH))
		doctor_bad(doctor, DOCTOR_FAIL, "directory",
			   "take the permission away: chmod o-w",
			   "%.200s is writable by everybody", dir);
	check_file_system(doctor, place);
}

/* ---- what dead runtimes left --------------------------------------------- */

static int check_segment(const char *name, const char *path, void *user)
{
	struct doctor *doctor = user;
	struct instance inst;
	struct snp_err err = {0};

	if (instance_open(path, &inst, &err) < 0) {
		doctor_bad(
		    doctor, DOCTOR_WARN, "segments",
		    "remove the file unless a runtime of another version uses it", "%s",
		    err.msg);
		return 0;
	}
	switch (inst.verdict) {
	case SNP_WRITER_DEAD:
	case SNP_WRITER_OLD:
		doctor_bad(doctor, DOCTOR_WARN, "segments",
			   "see 'snakepit status -n NAME'; the next start replaces it",
			   "instance '%s' died and left its last state", name);
		break;
	case SNP_WRITER_HUNG:
		doctor_bad(doctor, DOCTOR_WARN, "segments",
			   "see what its process does, and end it if need be",
			   "instance '%s' (pid %d) does not move", name,
			   (int)snp_segment_info(inst.seg)->pid);
		break;
	default:
		doctor_ok(doctor, "segments", "instance '%s' is %s", name,
			  instance_word(&inst));
	}
	instance_close(&inst);
	return 0;
}

/* A socket that nobody listens on refuses at once. */
static bool socket_is_dead(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, r;
	bool dead;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	dead = r < 0 && errno == ECONNREFUSED;
	(void)close(fd);
	return dead;
}

static void check_sockets(struct doctor *doctor, const char *dir)
{
	DIR *stream = opendir(dir);

	for (struct dirent *entry; stream && (entry = readdir(stream));) {
		size_t len = strlen(entry->d_name);
		char path[SNP_PATH_BYTES + 256];

		if (len < 6 || strcmp(entry->d_name + len - 5, ".sock") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (socket_is_dead(path))
			doctor_bad(doctor, DOCTOR_WARN, "sockets",
				   "nothing to do: the next start replaces it",
				   "nobody listens on %.200s", path);
	}
	if (stream)
		(void)closedir(stream);
}

void doctor_check_leftovers(struct doctor *doctor)
{
	char dir[SNP_PATH_BYTES];
	struct snp_err err = {0};
	int r = snp_segment_list(check_segment, doctor, &err);

	if (r < 0)
		doctor_bad(doctor, DOCTOR_WARN, "segments",
			   "check the directory's mode", "%s", err.msg);
	else if (r == 0)
		doctor_ok(doctor, "segments", "none, so none left behind");
	if (snp_dir_default(dir, NULL) == 0)
		check_sockets(doctor, dir);
}

/* ---- limits and the port ------------------------------------------------- */

void doctor_check_limits(struct doctor *doctor)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < NOFILE_NEEDED)
		doctor_bad(doctor, DOCTOR_FAIL, "limits",
			   "raise it with 'ulimit -n 4096' or LimitNOFILE=",
			   "%" PRIu64 " open files are too few",
			   (uint64_t)limit.rlim_cur);
	else if (limit.rlim_cur < NOFILE_WANTED)
		doctor_bad(doctor, DOCTOR_WARN, "limits",
			   "for more than about 100 workers: 'ulimit -n 4096' or "
			   "LimitNOFILE=",
			   "%" PRIu64 " open files", (uint64_t)limit.rlim_cur);
	else
		doctor_ok(doctor, "limits", "%" PRIu64 " open files",
			  (uint64_t)limit.rlim_cur);
}

void doctor_check_port(struct doctor *doctor)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(PROMETHEUS_PORT),
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	/* As the exporter does it: connections in TIME_WAIT are no obstacle. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		doctor_ok(doctor, "port",
			  "127.0.0.1:%d is free for snakepit-prometheus",
			  PROMETHEUS_PORT);
	else
		doctor_bad(doctor, DOCTOR_WARN, "port",
			   "fine if that is snakepit-prometheus; else give it another "
			   "with --web.listen-address",
			   "127.0.0.1:%d: %s", PROMETHEUS_PORT, strerror(errno));
	(void)close(fd);
}
