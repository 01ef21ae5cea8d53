/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snakepit/time.h"

/* Our environment with `extra` in front, where it wins. The caller frees the array. */
static char **environment_with(const char *extra)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	env[0] = (char *)extra;
	memcpy(env + 1, environ, n * sizeof(*env));
	return env;
}

static int spawn(char *const argv[], const char *extra_env, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	char **env = extra_env ? environment_with(extra_env) : NULL;
	int r;

	if (extra_env && !env)
		return -ENOMEM;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
						     "/dev/null", O_RDONLY, 0);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, out,
							     STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, out,
							     STDERR_FILENO);
		if (r == 0)
			r = posix_spawn(ret_pid, argv[0], &actions, NULL, argv,
					env ? env : environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	free(env);
	return -r;
}

/* Read until the end or the deadline; whether the end was reached. */
static bool collect(int fd, snp_mono_t deadline, char *text, size_t size)
{
	size_t len = 0;
	bool ended = false;

	while (!ended) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		uint64_t left_ms =
		    snp_mono_since_ns(deadline, snp_mono_now()) / SNP_NS_PER_MS;
		char chunk[512];
		ssize_t got;

		if (left_ms == 0)
			break;
		if (poll(&poll_fd, 1, (int)left_ms) <= 0)
			continue;
		got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		ended = got <= 0;
		for (ssize_t i = 0; i < got && len + 1 < size; i++)
			text[len++] = chunk[i];
	}
	text[len] = '\0';
	return ended;
}

int child_output(char *const argv[], const char *env, unsigned timeout_ms,
		 char *ret_text, size_t size)
{
	snp_mono_t deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms);
	int fds[2], status = 0, r;
	bool ended;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn(argv, env, fds[1], &pid);
	(void)close(fds[1]);
	if (r != 0) {
		(void)close(fds[0]);
		return r;
	}
	ended = collect(fds[0], deadline, ret_text, size);
	(void)close(fds[0]);
	if (!ended)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		return -ETIMEDOUT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
