/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

/* Fields 14, 15 (utime, stime in ticks) and 24 (rss in pages) of proc(5). The command
 * in parentheses may hold anything, so counting starts behind the last ')'. */
int procfs_sample(pid_t pid, struct procfs_sample *ret_sample)
{
	unsigned long long utime, stime;
	long long rss;
	char path[64], text[1024];
	ssize_t n;
	char *p;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
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
