/* SPDX-License-Identifier: Apache-2.0 */
/* snakepitd: command line, signals, configuration; the runtime does the rest. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/help.h"
#include "config/config.h"
#include "core/heaps.h"
#include "core/notify.h"
#include "core/plan.h"
#include "core/runtime.h"
#include "log/log.h"
#include "rpc/loop.h"

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* the configuration; the command line: cli_usage() */
};

#define RPC_SHUTDOWN_S 1

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

static const struct cli_command command = {
    .name = "snakepitd",
    .summary = "run the pools of a configuration until SIGTERM",
    .examples = "  snakepitd -c snakepit.yaml\n"
		"  snakepitd -c snakepit.yaml --check   say whether the file is good\n",
    .usage = "-c FILE [--check]",
    .notes =
	"SIGTERM or SIGINT stops: running requests may finish, then the workers stop; "
	"a\n"
	"second signal shortens the wait. SIGHUP reads FILE again. Log lines go to\n"
	"standard error.\n",
    .exits = "0 stopped cleanly\n"
	     "1 could not start\n"
	     "2 bad command line or configuration\n",
    .options = rows,
    .options_nr = OPT_NR,
};

struct arguments {
	const char *config;
	bool check, plan;
	const char *import; /* pool */
};

/* -1: go on; otherwise the exit status. */
static int parse(int argc, char **argv, struct arguments *ret)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &command, .next = 1};
	struct snp_err err = {0};
	const char *value;
	int got;

	if (cli_begin(&command, argc, argv))
		return EXIT_OK;
	while ((got = cli_next_option(&args, &value, &err)) != CLI_END) {
		if (got < 0)
			return cli_usage(&command, &err);
		if (got == OPT_HELP)
			return cli_print_help(&command);
		if (got == OPT_VERSION)
			return cli_print_version(&command);
		if (got == OPT_CONFIG)
			ret->config = value;
		if (got == OPT_IMPORT)
			ret->import = value;
		ret->check |= got == OPT_CHECK;
		ret->plan |= got == OPT_PLAN;
	}
	if (ret->config)
		return -1;
	(void)snp_err_set(&err, -EINVAL, "no configuration; give one with -c FILE");
	return cli_usage(&command, &err);
}

static void *shut_down_rpc(void *arg)
{
	(void)arg;
	rpc_shutdown();
	return NULL;
}

/* gRPC's shutdown waits for a helper thread that, after a write which had to wait for
 * its socket, sleeps up to ten seconds in a poll of its own. Everything of ours is gone
 * by now, so we do not wait for that: the process ends without it. */
static void end_rpc(int status)
{
	struct timespec until;
	pthread_t thread;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RPC_SHUTDOWN_S;
	if (pthread_create(&thread, NULL, shut_down_rpc, NULL) != 0 ||
	    pthread_timedjoin_np(thread, NULL, &until) != 0)
		_exit(status);
}

static void open_notify(struct notify *notify)
{
	struct snp_err err = {0};

	if (notify_open(notify, &err) < 0)
		log_warn("not telling the service manager anything",
			 LOG_STR("error", err.msg));
}

static void open_heaps(struct heaps *heaps)
{
	struct snp_err err = {0};

	if (heaps_start(heaps, &err) < 0)
		log_warn("memory of large messages is kept", LOG_STR("error", err.msg));
}

static int run(struct snp_config *cfg, const char *file)
{
	sigset_t all, heard;
	struct notify notify;
	const struct runtime_options options = {
	    .cfg = cfg, .file = file, .signals = &heard, .notify = &notify};
	struct runtime *rt = NULL;
	struct heaps heaps = {0};
	struct snp_err err = {0};
	int rc, status;

	/* Inherited as "ignored", it would have the kernel throw exit statuses away. */
	(void)signal(SIGCHLD, SIG_DFL);
	heaps_settle(1 + runtime_loops_wanted());
	log_init(cfg->log.level, cfg->log.format, 2);
	/* Before gRPC starts its threads: they inherit the mask, and only the
	 * supervisor's signalfd sees signals. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	sigemptyset(&heard);
	sigaddset(&heard, SIGTERM);
	sigaddset(&heard, SIGINT);
	sigaddset(&heard, SIGHUP);
	open_notify(&notify);
	open_heaps(&heaps);
	rpc_init(runtime_rpc_log);
	rc = runtime_create(&options, &rt, &err);
	if (rc == 0)
		runtime_run(rt);
	else
		(void)fprintf(stderr, "snakepitd: %s\n", err.msg);
	runtime_destroy(&rt);
	notify_close(&notify);
	heaps_stop(&heaps);
	log_fini();
	status = rc < 0 ? EXIT_FAILED : EXIT_OK;
	end_rpc(status);
	return status;
}

/* Started without descriptor 0, 1 or 2, we would open a socket or the segment under
 * that number, and our log, or a library's complaint, would be written into it.
 * Libraries open some before main(), so this runs before their constructors, and by
 * system calls alone: nothing of libc is set up for more. */
static void fill_standard_files(void)
{
	long fd;

	do
		fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		_exit(EXIT_FAILED);
	(void)syscall(SYS_close, fd);
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const first)(void) = fill_standard_files;

static int refuse(const struct snp_err *err)
{
	(void)fprintf(stderr, "snakepitd: %s\n", err->msg);
	return EXIT_FAILED;
}

static int act(const struct arguments *args, struct snp_config *cfg)
{
	struct snp_err err = {0};

	if (args->import && plan_import(cfg, args->import, &err) < 0)
		return refuse(&err);
	if (args->plan)
		return plan_print(cfg, stdout, &err) < 0 ? refuse(&err) : EXIT_OK;
	if (!args->check)
		return run(cfg, args->config);
	(void)printf("%s: ok\n", args->config);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct arguments args = {0};
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	if (snp_config_load(args.config, &cfg, &err) < 0 ||
	    runtime_check(cfg, args.config, &err) < 0) {
		(void)refuse(&err);
		snp_config_destroy(&cfg);
		return err.code == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	status = act(&args, cfg);
	snp_config_destroy(&cfg);
	return status;
}
