/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-launch - the last step between snakepitd and a worker.
 *
 *	snakepit-launch PARENT_PID PROGRAM [ARG...]
 *
 * posix_spawn has no attribute for the parent-death signal, so this sets it in the
 *child: when the runtime's spawning thread ends, however it ends, the kernel kills the
 *worker, also one that holds the GIL or is stopped. The check of the parent's pid
 *closes the gap in which the runtime dies before prctl. Exit status 127: it could not
 *exec; 126: the parent is gone; 125: usage.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 125,
	EXIT_ORPHAN = 126,
	EXIT_EXEC = 127,
};

int main(int argc, char **argv)
{
	long parent;
	char *end;

	if (argc < 3) {
		(void)fprintf(stderr,
			      "usage: snakepit-launch PARENT_PID PROGRAM [ARG...]\n");
		return EXIT_USAGE;
	}
	errno = 0;
	parent = strtol(argv[1], &end, 10);
	if (errno || *end || end == argv[1]) {
		(void)fprintf(stderr, "snakepit-launch: '%s' is not a pid\n", argv[1]);
		return EXIT_USAGE;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) {
		(void)fprintf(stderr, "snakepit-launch: prctl: %s\n", strerror(errno));
		return EXIT_ORPHAN;
	}
	if (getppid() != (pid_t)parent)
		return EXIT_ORPHAN;
	execvp(argv[2], argv + 2);
	(void)fprintf(stderr,
		      "snakepit-launch: cannot run '%s': %s; set SNAKEPIT_PYTHON or "
		      "the pool's 'python'\n",
		      argv[2], strerror(errno));
	return EXIT_EXEC;
}
