/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: the directory, what was left in it, limits. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
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

#define KIB		    UINT64_C(1024)
#define MIB		    (UINT64_C(1) << 20)
#define SEGMENT_TYPICAL	    (10 * MIB) /* of pools of some workers */
#define CONTAINER_SHM_BYTES (64 * MIB) /* what Docker gives /dev/shm */
#define NOFILE_WANTED	    4096
#define NOFILE_NEEDED	    256
#define TASKS_TYPICAL	    128

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
	const uint64_t needed = doctor_plan_number(doctor, "segment", SEGMENT_TYPICAL);
	struct statfs fs;
	uint64_t free_bytes, all_bytes;

	if (statfs(dir, &fs) < 0)
		return; /* check_permissions() said why */
	free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	all_bytes = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC &&
	    !doctor_plan_number(doctor, "disk", 0))
		doctor_bad(doctor, DOCTOR_WARN,
			   "set SNAKEPIT_DIR to a folder below /dev/shm, or set "
			   "segment.allow_disk in the configuration",
			   "%.200s is not in memory (tmpfs)", dir);
	if (free_bytes < needed)
		doctor_bad(doctor, DOCTOR_FAIL,
			   "free some space there, or take another directory",
			   "%.200s has %" PRIu64
			   " KiB left, the segment takes %" PRIu64,
			   dir, free_bytes / KIB, needed / KIB);
	else if (all_bytes <= CONTAINER_SHM_BYTES)
		doctor_bad(
		    doctor, DOCTOR_WARN,
		    "give the container more (docker run --shm-size) for large pools",
		    "%.200s holds only %" PRIu64 " MiB in all", dir, all_bytes / MIB);
	else
		doctor_ok(doctor,
			  "%.200s has %" PRIu64 " MiB free, the segment takes %" PRIu64,
			  dir, free_bytes / MIB, (needed + MIB - 1) / MIB);
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
	if (!wrong)
		return true;
	doctor_bad(doctor, DOCTOR_FAIL, "set SNAKEPIT_DIR to a directory of yours",
		   "%.200s: %s", dir, wrong);
	return false;
}

/* The runtime takes only a directory of its own user. Root may be looking at that of a
 * service, which runs as another. */
static void check_owner(struct doctor *doctor, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return;
	if (st.st_mode & S_IWOTH)
		doctor_bad(doctor, DOCTOR_FAIL, "take the permission away: chmod o-w",
			   "%.200s is writable by everybody", dir);
	else if (st.st_uid != geteuid())
		doctor_bad(doctor, geteuid() == 0 ? DOCTOR_WARN : DOCTOR_FAIL,
			   "run as that user, or take a directory of your own",
			   "%.200s is of uid %u: the runtime has to run as that", dir,
			   (unsigned)st.st_uid);
}

/* As the runtime wants it, or it does not start. */
static void check_socket_dir(struct doctor *doctor, const char *dir)
{
	const char *instance = doctor_plan_next(doctor, "instance", NULL);
	char path[SNP_PATH_BYTES + 72];
	struct stat st;

	if (!instance || doctor_instance_runs(doctor))
		return;
	(void)snprintf(path, sizeof(path), "%s/%s.d", dir, instance);
	if (lstat(path, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0077))
		doctor_bad(doctor, DOCTOR_FAIL, "remove it",
			   "%.300s must be a directory of ours with mode 0700", path);
}

void doctor_check_directory(struct doctor *doctor)
{
	char dir[SNP_PATH_BYTES], place[SNP_PATH_BYTES];
	struct snp_err err = {0};

	if (snp_dir_default(dir, &err) < 0) {
		doctor_bad(doctor, DOCTOR_FAIL, "set a shorter SNAKEPIT_DIR", "%s",
			   err.msg);
		return;
	}
	existing_ancestor(dir, place);
	if (!check_permissions(doctor, place))
		return;
	if (strcmp(dir, place) != 0) {
		doctor_ok(doctor, "%.200s will be made", dir);
	} else {
		check_owner(doctor, dir);
		check_socket_dir(doctor, dir);
	}
	check_file_system(doctor, place);
}

/* ---- what dead runtimes left --------------------------------------------- */

static int check_segment(const char *name, const char *path, void *user)
{
	struct doctor *doctor = user;
	struct instance inst;
	struct snp_err err = {0};

	if (instance_open(path, &inst, &err) < 0) {
		bool denied = snp_attach_outcome(err.code) == SNP_ATTACH_DENIED;

		doctor_bad(doctor, denied ? DOCTOR_FAIL : DOCTOR_WARN,
			   denied ? "join the file's group, or look as its owner"
				  : "remove the file unless a runtime of another "
				    "version uses it",
			   "%s", err.msg);
		return 0;
	}
	switch (inst.verdict) {
	case SNP_WRITER_DEAD:
	case SNP_WRITER_OLD:
		doctor_bad(doctor, DOCTOR_WARN,
			   "see 'snakepit status -n NAME'; the next start replaces it",
			   "instance '%s' died and left its last state", name);
		break;
	case SNP_WRITER_HUNG:
		doctor_bad(doctor, DOCTOR_WARN,
			   "see what its process does, and end it if need be",
			   "instance '%s' (pid %d) does not move", name,
			   (int)snp_segment_info(inst.seg)->pid);
		break;
	default:
		doctor_ok(doctor, "instance '%s' is %s", name, instance_word(&inst));
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
			doctor_bad(doctor, DOCTOR_WARN,
				   "nothing to do: the next start replaces it",
				   "nobody listens on %.200s", path);
	}
	if (stream)
		(void)closedir(stream);
}

void doctor_check_segments(struct doctor *doctor)
{
	char dir[SNP_PATH_BYTES];
	struct snp_err err = {0};
	int r = snp_segment_list(check_segment, doctor, &err);

	if (r < 0)
		doctor_bad(doctor, DOCTOR_WARN, "check the directory's mode", "%s",
			   err.msg);
	else if (r == 0)
		doctor_ok(doctor, "none, so none left behind");
	if (snp_dir_default(dir, NULL) == 0)
		check_sockets(doctor, dir);
}

/* ---- limits -------------------------------------------------------------- */

static void check_open_files(struct doctor *doctor)
{
	const uint64_t needed =
	    doctor_plan_number(doctor, "descriptors", NOFILE_NEEDED);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < needed)
		doctor_bad(doctor, DOCTOR_FAIL,
			   "raise it with 'ulimit -n 4096' or LimitNOFILE=",
			   "%" PRIu64 " open files, %" PRIu64 " are needed",
			   (uint64_t)limit.rlim_cur, needed);
	else if (doctor->plan.len == 0 && limit.rlim_cur < NOFILE_WANTED)
		doctor_bad(doctor, DOCTOR_WARN,
			   "for more than about 100 workers: 'ulimit -n 4096' or "
			   "LimitNOFILE=",
			   "%" PRIu64 " open files", (uint64_t)limit.rlim_cur);
	else
		doctor_ok(doctor, "%" PRIu64 " open files", (uint64_t)limit.rlim_cur);
}

/* Threads of the process if it is of `uid`, else 0. */
static uint64_t tasks_of(const char *pid, uid_t uid)
{
	char path[64], line[128];
	unsigned owner = 0;
	uint64_t tasks = 0;
	FILE *status;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
	status = fopen(path, "re");
	if (!status)
		return 0;
	/* The owner stands before the number of threads. */
	while (fgets(line, sizeof(line), status))
		if ((sscanf(line, "Uid: %u", &owner) == 1 && owner != uid) ||
		    sscanf(line, "Threads: %" SCNu64, &tasks) == 1)
			break;
	(void)fclose(status);
	return tasks;
}

static uint64_t tasks_of_user(uid_t uid)
{
	DIR *proc = opendir("/proc");
	uint64_t tasks = 0;

	for (struct dirent *entry; proc && (entry = readdir(proc));)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			tasks += tasks_of(entry->d_name, uid);
	if (proc)
		(void)closedir(proc);
	return tasks;
}

/* Threads count, of all of the user's processes; root has no limit. */
static void check_processes(struct doctor *doctor)
{
	const uint64_t needed = doctor_plan_number(doctor, "tasks", TASKS_TYPICAL);
	struct rlimit limit;
	uint64_t used;

	if (geteuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return;
	used = doctor_instance_runs(doctor) ? 0 : tasks_of_user(geteuid());
	if (limit.rlim_cur < used + needed)
		doctor_bad(doctor, DOCTOR_FAIL,
			   "raise it with 'ulimit -u' or LimitNPROC=",
			   "%" PRIu64 " processes and threads, %" PRIu64
			   " are there and %" PRIu64 " are needed",
			   (uint64_t)limit.rlim_cur, used, needed);
	else
		doctor_ok(doctor, "%" PRIu64 " processes and threads",
			  (uint64_t)limit.rlim_cur);
}

void doctor_check_limits(struct doctor *doctor)
{
	check_open_files(doctor);
	check_processes(doctor);
}
