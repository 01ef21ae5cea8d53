/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-statsd: send the metrics of a runtime to a StatsD receiver.
 *
 * One thread: it flushes, then waits for the next flush or a signal to stop.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "exporter.h"
#include "cli/help.h"
#include "cli/say.h"
#include "model/log.h"
#include "model/program.h"
#include "options.h"
#include "snakepit/time.h"

/* Somewhere within the interval, so that programs started together do not all send
 * together. */
static uint64_t first_wait_ns(uint64_t interval_ns)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		return 0;
	return number % interval_ns;
}

/* The signal that came, 0 when it is time. */
static int wait_until(const sigset_t *stop, snp_mono_t due)
{
	struct timespec wait;
	uint64_t ns;
	int sig;

	for (;;) {
		ns = snp_mono_since_ns(due, snp_mono_now());
		wait.tv_sec = (time_t)(ns / SNP_NS_PER_S);
		wait.tv_nsec = (long)(ns % SNP_NS_PER_S);
		sig = sigtimedwait(stop, NULL, &wait);
		if (sig > 0)
			return sig;
		if (errno != EINTR)
			return 0;
	}
}

static void flush_until_stopped(struct exporter *exporter, uint64_t interval_ms,
				const sigset_t *stop)
{
	uint64_t interval_ns = interval_ms * SNP_NS_PER_MS;
	snp_mono_t due = snp_mono_now();
	struct flush_result result;
	int sig;

	due.ns += first_wait_ns(interval_ns);
	while ((sig = wait_until(stop, due)) == 0) {
		exporter_flush(exporter, &result);
		due.ns += interval_ns;
		/* After a flush that took longer, or a machine that slept: no crowd. */
		if (due.ns < snp_mono_now().ns)
			due.ns = snp_mono_now().ns + interval_ns;
	}
	snp_log_line(SNP_LOG_INFO, "stopping: %s", strsignal(sig));
	exporter_flush(exporter, &result);
}

static int flush_once(struct exporter *exporter)
{
	struct flush_result result;
	bool has_runtime;

	exporter_flush(exporter, &result);
	has_runtime = exporter_target_state(exporter) == SNP_TARGET_LIVE;
	(void)printf("%" PRIu64 " lines in %" PRIu64 " datagrams sent to %s, %" PRIu64
		     " datagrams failed\n",
		     result.lines, result.datagrams, exporter_receiver(exporter),
		     result.failed);
	if (fflush(stdout) != 0 || result.error != 0)
		return SNP_EXIT_FAILURE;
	return has_runtime ? SNP_EXIT_OK : SNP_EXIT_NOT_RUNNING;
}

static int run(const struct options *options, const sigset_t *stop)
{
	struct exporter *exporter = NULL;
	int status = SNP_EXIT_OK;
	int r = exporter_create(&options->exporter, &exporter);

	if (r < 0) {
		(void)fprintf(stderr, "snakepit-statsd: %s\n", strerror(-r));
		return SNP_EXIT_FAILURE;
	}
	if (options->action == OPTIONS_ONCE)
		status = flush_once(exporter);
	else
		flush_until_stopped(exporter, options->interval_ms, stop);
	exporter_destroy(&exporter);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct snp_err err = {0};
	sigset_t stop;

	if (cli_begin(&statsd_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (options_parse(argc, argv, &options, &err) < 0)
		return cli_usage(&statsd_command, &err);
	if (options.action == OPTIONS_HELP)
		return cli_print_help(&statsd_command);
	if (options.action == OPTIONS_VERSION)
		return cli_print_version(&statsd_command);
	snp_log_set_level(options.log_level);
	snp_log_set_form(options.log_form);
	snp_program_take_signals(&stop);
	return run(&options, &stop);
}
