/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

/* The beginning of /proc/<pid>/<name> as a string; its length, 0 where it cannot be
 * read. */
static size_t read_text(pid_t pid, const char *name, char *ret_text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, ret_text, size - 1);
	if (fd >= 0)
		close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Fields 14, 15 (utime, stime in ticks) and 24 (rss in pages) of proc(5). The command
 * in parentheses may hold anything, so counting starts behind the last ')'. */
int procfs_sample(pid_t pid, struct procfs_sample *ret_sample)
{
	unsigned long long utime, stime;
	long long rss;
	char text[1024], *p;

	if (read_text(pid, "stat", text, sizeof(text)) == 0)
		return -ESRCH;
	p = strrchr(text, ')');
	if (!p ||
	    sscanf(p + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d "
		   "%*d %*d %*d %*u %*u %lld",
		   &utime, &stime, &rss) != 3)
		return -EBADMSG;
	ret_sample->cpu_ns =
	    (utime + stime) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	ret_sample->rss_bytes =
	    rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	return 0;
}

int procfs_anon(pid_t pid, uint64_t *ret_bytes)
{
	unsigned long long resident, of_files;
	char text[256];

	if (read_text(pid, "statm", text, sizeof(text)) == 0)
		return -ESRCH;
	if (sscanf(text, "%*u %llu %llu", &resident, &of_files) != 2)
		return -EBADMSG;
	*ret_bytes = resident > of_files
			 ? (resident - of_files) * (uint64_t)sysconf(_SC_PAGESIZE)
			 : 0;
	return 0;
}

bool procfs_runs(pid_t pid, const char *program)
{
	struct stat running, file;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &running) == 0 && stat(program, &file) == 0 &&
	       running.st_dev == file.st_dev && running.st_ino == file.st_ino;
}

/* ---- state ---------------------------------------------------------------- */

/* More threads than this are not looked at one by one: among so many that wait for one
 * lock, the one that has it shows soon enough. */
#define THREADS_LOOKED_AT 256

static uint64_t number_after(const char *text, const char *key, int base)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

/* Names are escaped in this file, so a line of it cannot be faked. */
static char state_of(const char *status)
{
	static const char key[] = "\nState:\t";
	const char *at = strstr(status, key);

	return at ? at[sizeof(key) - 1] : '\0';
}

static void look_at_thread(const char *tid, pid_t pid, struct procfs_state *s)
{
	char name[64], text[4096], state;

	(void)snprintf(name, sizeof(name), "task/%.20s/status", tid);
	(void)read_text(pid, name, text, sizeof(text));
	state = state_of(text);
	s->waits_for_disk = s->waits_for_disk || state == 'D';
	if (state == 'R' && s->running_nr < PROCFS_RUNNING_MAX)
		s->running[s->running_nr++] = (struct procfs_thread){
		    .tid = (pid_t)strtol(tid, NULL, 10),
		    .waits = number_after(text, "\nvoluntary_ctxt_switches:\t", 10),
		};
}

static void look_at_threads(pid_t pid, struct procfs_state *s)
{
	const struct dirent *entry;
	char path[64];
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return;
	for (int n = 0; n < THREADS_LOOKED_AT && (entry = readdir(tasks));)
		if (entry->d_name[0] != '.') {
			look_at_thread(entry->d_name, pid, s);
			n++;
		}
	closedir(tasks);
}

int procfs_state(pid_t pid, struct procfs_state *ret_state)
{
	struct procfs_state s = {0};
	char text[4096];

	if (read_text(pid, "status", text, sizeof(text)) == 0)
		return -ESRCH;
	s.state = state_of(text);
	if (!s.state)
		return -EBADMSG;
	s.tracer = (pid_t)number_after(text, "\nTracerPid:\t", 10);
	s.threads = (uint32_t)number_after(text, "\nThreads:\t", 10);
	s.catches_sigusr1 = number_after(text, "\nSigCgt:\t", 16) >> (SIGUSR1 - 1) & 1;
	(void)read_text(pid, "wchan", s.wchan, sizeof(s.wchan));
	if (!strcmp(s.wchan, "0"))
		s.wchan[0] = '\0';
	/* The freezers of cgroup v2 and of v1, and of a host going to sleep. Where the
	 * first is inlined its caller's name stands for it: nothing else sleeps there.
	 */
	s.frozen = !strcmp(s.wchan, "do_freezer_trap") ||
		   !strcmp(s.wchan, "__refrigerator") ||
		   (s.state == 'S' && !strcmp(s.wchan, "get_signal"));
	look_at_threads(pid, &s);
	*ret_state = s;
	return 0;
}
