/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-otlp: send a runtime's metrics, spans and events over OTLP.
 *
 * The main thread only waits for signals; pipeline.c's threads do the work.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "cli/help.h"
#include "cli/say.h"
#include "model/log.h"
#include "model/program.h"
#include "model/target.h"
#include "options.h"

/* From SIGTERM to the end; whoever sent it waits for 2 s (snakepitd). */
#define END_MS 1500

/* ---- settings ------------------------------------------------------------ */

struct given {
	const struct options *options;
	struct snp_err *wrong; /* an option's value */
};

static const char *from_environment(void *user, const char *variable)
{
	(void)user;
	return getenv(variable);
}

static const char *from_options(void *user, const char *variable)
{
	const struct given *given = user;

	return options_variable(given->options, variable);
}

/* What is wrong in the environment is left out, as OpenTelemetry has it; what is wrong
 * in a command line is an error. */
static void on_ignored(void *user, const char *variable, const char *text)
{
	const struct given *given = user;
	const char *option = options_name(given->options, variable);

	if (option)
		(void)snp_err_set(given->wrong, -EINVAL, "--%s %s", option, text);
	else
		snp_log_line(SNP_LOG_WARN, "%s %s", variable, text);
}

static int read_settings(const struct options *options, struct otlp_settings *settings,
			 struct snp_err *err)
{
	struct given given = {.options = options, .wrong = err};
	const struct otlp_source source = {
	    .env = from_environment,
	    .flag = from_options,
	    .warn = on_ignored,
	    .user = &given,
	};
	int r = otlp_settings_read(&source, settings, err);

	if (r == 0 && err->code < 0) {
		otlp_settings_fini(settings);
		return err->code;
	}
	if (r < 0)
		return r;
	settings->metrics.diag = options->diag;
	settings->metrics.no_recorded_value = options->stale_markers;
	if (!options->has_log_level)
		snp_log_set_level(settings->log_level);
	return 0;
}

/* ---- running ------------------------------------------------------------- */

static void log_figures(struct otlp_pipeline *pipeline)
{
	struct snp_buf text = {0};

	otlp_pipeline_text(pipeline, &text);
	if (!text.failed && text.len > 0)
		snp_log_line(SNP_LOG_INFO, "%.*s", (int)text.len, text.data);
	snp_buf_fini(&text);
}

/* Before there is a second thread. */
static void take_signals(sigset_t *ret_signals)
{
	snp_program_take_signals(ret_signals);
	(void)sigaddset(ret_signals, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, ret_signals, NULL);
}

static int serve(struct otlp_pipeline *pipeline, const sigset_t *signals,
		 struct snp_err *err)
{
	int sig, r = otlp_pipeline_start(pipeline, err);

	if (r < 0)
		return SNP_EXIT_FAILURE;
	while ((sig = sigwaitinfo(signals, NULL)) < 0 || sig == SIGUSR1) {
		if (sig != SIGUSR1)
			continue;
		otlp_pipeline_flush(pipeline);
		log_figures(pipeline);
	}
	snp_log_line(SNP_LOG_INFO, "stopping: %s", strsignal(sig));
	otlp_pipeline_stop(pipeline, snp_mono_add_ms(snp_mono_now(), END_MS));
	log_figures(pipeline);
	return SNP_EXIT_OK;
}

static int once(struct otlp_pipeline *pipeline)
{
	struct otlp_once result;

	otlp_pipeline_once(pipeline, &result);
	log_figures(pipeline);
	if (!result.all_sent)
		return SNP_EXIT_FAILURE;
	return result.has_runtime ? SNP_EXIT_OK : SNP_EXIT_NOT_RUNNING;
}

static int run(const struct options *options, const struct otlp_settings *settings,
	       struct snp_err *err)
{
	struct otlp_pipeline *pipeline = NULL;
	bool is_once = options->action == OPTIONS_ONCE;
	sigset_t signals;
	int status;

	if (is_once)
		(void)signal(SIGPIPE, SIG_IGN);
	else
		take_signals(&signals);
	if (otlp_pipeline_create(settings, options->instance,
				 is_once ? OTLP_PIPELINE_ONCE : OTLP_PIPELINE_RUNS,
				 &pipeline, err) < 0)
		return SNP_EXIT_FAILURE;
	status = is_once ? once(pipeline) : serve(pipeline, &signals, err);
	otlp_pipeline_destroy(&pipeline);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct otlp_settings settings;
	struct snp_err err = {0};
	int status;

	if (cli_begin(&otlp_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (options_parse(argc, argv, &options, &err) < 0)
		return cli_usage(&otlp_command, &err);
	if (options.action == OPTIONS_HELP)
		return cli_print_help(&otlp_command);
	if (options.action == OPTIONS_VERSION)
		return cli_print_version(&otlp_command);
	snp_log_set_form(options.log_form);
	snp_log_set_level(options.has_log_level ? options.log_level : SNP_LOG_INFO);
	if (read_settings(&options, &settings, &err) < 0)
		return cli_usage(&otlp_command, &err);
	if (settings.disabled)
		snp_log_line(SNP_LOG_INFO,
			     "OTEL_SDK_DISABLED is true: nothing is sent");
	status = run(&options, &settings, &err);
	if (err.msg[0])
		cli_complain("%s", err.msg);
	otlp_settings_fini(&settings);
	return status;
}
