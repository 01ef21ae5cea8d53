/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/procid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "snakepit/time.h"

#define LOOK_AGAIN_MS 10
#define CLEAN_LOOKS   2
#define CHUNK_BYTES   16384
#define WANTED_BYTES  96
#define TAIL_BYTES    17 /* 16 digits and a NUL */

static int open_proc(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int procid_of(pid_t pid, struct procid *ret_id, pid_t *ret_group)
{
	unsigned long long start;
	char text[1024], state;
	int group, fd = open_proc(pid, "stat");
	ssize_t n;
	char *p;

	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* The command in parentheses may hold anything: count from the last ')'. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			 "%*d %*d %*d %*d %llu",
			 &state, &group, &start) != 3)
		return -ESRCH;
	if (state == 'Z' || state == 'X')
		return -ESRCH;
	*ret_id = (struct procid){.pid = pid, .start = start};
	if (ret_group)
		*ret_group = group;
	return 0;
}

/* Whether `wanted` (at most WANTED_BYTES) stands in its environment with `tail_len`
 * bytes behind it, which are copied. Not of one that is gone or not ours to read. */
static bool find_in_environ(pid_t pid, const char *wanted, size_t len, char *ret_tail,
			    size_t tail_len)
{
	/* What was read last stays in front of what is read next: an entry may lie
	 * across. The byte before the first entry is as good as the NUL of another. */
	char text[WANTED_BYTES + TAIL_BYTES + CHUNK_BYTES];
	const size_t whole = len + tail_len;
	const char *at = NULL;
	size_t kept = 1;
	ssize_t got;
	int fd = open_proc(pid, "environ");

	if (fd < 0)
		return false;
	text[0] = '\0';
	while (!at && (got = read(fd, text + kept, CHUNK_BYTES)) > 0) {
		size_t all = kept + (size_t)got;

		if (all >= whole)
			at = memmem(text, all - tail_len, wanted, len);
		if (at) {
			memcpy(ret_tail, at + len, tail_len);
			break;
		}
		kept = all < whole - 1 ? all : whole - 1;
		memmove(text, text + all - kept, kept);
	}
	close(fd);
	return at != NULL;
}

bool procid_has_run(pid_t pid, const char *run_uuid)
{
	char wanted[WANTED_BYTES], none[1];
	int n = snprintf(wanted, sizeof(wanted), "%c" PROCID_RUN_VARIABLE "=%s", 0,
			 run_uuid);

	/* With the NUL at its end. */
	return n > 0 && (size_t)n < sizeof(wanted) &&
	       find_in_environ(pid, wanted, (size_t)n + 1, none, 0);
}

uint64_t procid_worker(pid_t pid, const char *run_uuid)
{
	char wanted[WANTED_BYTES], number[TAIL_BYTES];
	int n = snprintf(wanted, sizeof(wanted), "%c" PROCID_WORKER_VARIABLE "=%s.", 0,
			 run_uuid);
	uint64_t worker;
	char *end;

	if (n < 0 || (size_t)n >= sizeof(wanted) ||
	    !find_in_environ(pid, wanted, (size_t)n, number, sizeof(number)) ||
	    number[TAIL_BYTES - 1])
		return 0;
	worker = strtoull(number, &end, 16);
	return end == number + TAIL_BYTES - 1 ? worker : 0;
}

int procid_kill(const struct procid *id)
{
	struct procid now;
	int rc, fd = pidfd_open(id->pid, 0);

	if (fd < 0)
		return -errno;
	rc = procid_of(id->pid, &now, NULL);
	if (rc == 0 && now.start != id->start)
		rc = -ESRCH;
	if (rc == 0 && pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* One look at all processes: how many were killed, or could not be although they are
 * ours. */
static int look(const struct procid_sweep *sweep)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (proc && (entry = readdir(proc))) {
		struct procid id;
		pid_t group, pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid() || procid_of(pid, &id, &group) < 0)
			continue;
		if (sweep->is_ours(&id, group, sweep->user) &&
		    procid_kill(&id) != -ESRCH)
			n++;
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

int procid_sweep(const struct procid_sweep *sweep)
{
	const snp_mono_t until = snp_mono_add_ms(snp_mono_now(), sweep->timeout_ms);
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	int clean = 0, killed = 0;

	for (;;) {
		int n = look(sweep);

		killed += n;
		clean = n ? 0 : clean + 1;
		if (clean == CLEAN_LOOKS)
			return killed;
		if (n && snp_mono_now().ns >= until.ns)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
}
