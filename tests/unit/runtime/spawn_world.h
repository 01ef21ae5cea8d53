/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn_world.h - real children through snakepit-launch.
 *
 * The "interpreter" is a shell that runs a script of the test's. A test changes `site`,
 * `pool` and `request` before it spawns.
 */
#ifndef SPAWN_WORLD_H
#define SPAWN_WORLD_H

#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "snakepit/time.h"
#include "worker/spawn.h"

#define OUT_BYTES 65536
#define FDS_SEEN  256
#define RUN_UUID  "12ab34cd-0000-4000-8000-000000000000"

static char dir[64], script[96], launcher[PATH_MAX];
static int lifeline[2];
static struct spawn_site site;
static struct snp_cfg_pool pool;
static struct spawn_request request;
static char out_text[OUT_BYTES];

static inline void make_lifeline(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	lifeline[0] = fds[0];
	lifeline[1] = fds[1];
}

static inline int set_up(void **state)
{
	(void)state;
	find_program("snakepit-launch", launcher);
	snp_test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(script, sizeof(script), "%s/script", dir);
	make_lifeline();
	site = (struct spawn_site){.launcher = launcher,
				   .server = script,
				   .package_path = "/the/package",
				   .instance = "unit",
				   .run_id = "12ab34cd",
				   .run_uuid = RUN_UUID,
				   .host_address = "unix:/the/front",
				   .lifeline_fd = lifeline[0],
				   .log_level = LOG_LEVEL_WARNING};
	pool = (struct snp_cfg_pool){.name = (char *)(uintptr_t) "default",
				     .adapter = (char *)(uintptr_t) "demo.Adapter",
				     .python = (char *)(uintptr_t) "/bin/sh",
				     .threads_per_worker = 7};
	request = (struct spawn_request){.site = &site,
					 .pool = &pool,
					 .worker_id = "default/3#2",
					 .slot = 3,
					 .address = "unix:/the/worker",
					 .beat_fd = -1,
					 .stacks_fd = -1,
					 .metrics_fd = -1};
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	close(lifeline[0]);
	if (lifeline[1] >= 0)
		close(lifeline[1]);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static inline void write_script(const char *text)
{
	FILE *f = fopen(script, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline struct spawn_result spawn(void)
{
	struct spawn_result child;
	struct snp_err err = {0};

	if (spawn_worker(&request, &child, &err) < 0)
		fail_msg("%s", err.msg);
	return child;
}

/* All that comes out of a pipe until its end. */
static inline const char *read_all(int fd)
{
	const snp_mono_t until = snp_mono_add_ms(snp_mono_now(), SNP_TEST_DEADLINE_MS);
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 || (n < 0 && errno == EAGAIN)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_true(snp_mono_now().ns < until.ns);
		(void)poll(&p, 1, 1000);
		n = read(fd, out_text + len, sizeof(out_text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		assert_true(len < sizeof(out_text) - 1);
	}
	assert_int_equal(n, 0);
	out_text[len] = '\0';
	return out_text;
}

/* Wait for the end by the pidfd; the wait status as waitid tells it. */
static inline siginfo_t reap(const struct spawn_result *child)
{
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	assert_int_equal(poll(&p, 1, SNP_TEST_DEADLINE_MS), 1);
	assert_int_equal(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_pid, child->pid);
	return info;
}

static inline void close_result(const struct spawn_result *child)
{
	close(child->pidfd);
	close(child->ready_fd);
	close(child->log_fd);
	close(child->stdout_fd);
	close(child->stderr_fd);
}

/* What the script wrote to stdout; it must end by itself with status 0. */
static inline const char *output_of(const char *text)
{
	struct spawn_result child;
	siginfo_t info;

	write_script(text);
	child = spawn();
	(void)read_all(child.stdout_fd);
	info = reap(&child);
	close_result(&child);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 0);
	return out_text;
}

#endif
