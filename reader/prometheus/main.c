/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-prometheus: serve the metrics of a runtime to Prometheus.
 *
 * The main thread opens the sockets and then only waits for a signal to stop; web.c's
 * threads do the work.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector.h"
#include "listen.h"
#include "cli/help.h"
#include "cli/say.h"
#include "model/log.h"
#include "model/program.h"
#include "model/target.h"
#include "options.h"
#include "web.h"

/* Loopback of both families, so that "localhost" works whichever it resolves to. */
static const char *const default_addresses[] = {"127.0.0.1:9568", "[::1]:9568"};

static int serve_on(struct web *web, const struct listen_address *address,
		    struct snp_err *err)
{
	char name[LISTEN_NAME_BYTES];
	int fd = listen_open(address, name, err);
	int r;

	if (fd < 0)
		return fd;
	r = web_serve(web, fd, err);
	if (r == 0)
		snp_log_line(SNP_LOG_INFO, "listening on %s://%s", web_scheme(web),
			     name);
	return r;
}

/* One family is enough: many containers have no IPv6. */
static int serve_on_defaults(struct web *web, struct snp_err *err)
{
	size_t nr = sizeof(default_addresses) / sizeof(default_addresses[0]);
	struct listen_address address;
	int r = 0;

	for (size_t i = 0; i < nr; i++) {
		r = listen_parse(default_addresses[i], &address, err);
		if (r == 0)
			r = serve_on(web, &address, err);
		if (r < 0 && i > 0 && r != -EADDRINUSE) {
			snp_log_line(SNP_LOG_DEBUG, "%s", err->msg);
			r = 0;
		}
		if (r < 0)
			return r;
	}
	return r;
}

static int serve_on_inherited(struct web *web, struct snp_err *err)
{
	char name[LISTEN_NAME_BYTES];
	int count = listen_from_systemd(err);
	int r = count < 0 ? count : 0;

	for (int fd = LISTEN_FDS_FIRST; fd < LISTEN_FDS_FIRST + count && r == 0; fd++) {
		r = listen_name(fd, name);
		if (r < 0)
			return snp_err_set(err, r,
					   "cannot tell where socket %d listens", fd);
		r = web_serve(web, fd, err);
		if (r == 0)
			snp_log_line(SNP_LOG_INFO, "listening on %s://%s",
				     web_scheme(web), name);
	}
	return r;
}

static int serve(const struct options *options, struct web *web, struct snp_err *err)
{
	int r = 0;

	if (options->systemd_socket)
		return serve_on_inherited(web, err);
	if (options->listen_nr == 0)
		return serve_on_defaults(web, err);
	for (size_t i = 0; i < options->listen_nr && r == 0; i++)
		r = serve_on(web, &options->listen[i], err);
	return r;
}

static int wait_for_stop(struct web *web, const sigset_t *stop)
{
	const struct timespec pause = {.tv_nsec = WEB_SWEEP_MS * (long)SNP_NS_PER_MS};
	int sig;

	while ((sig = sigtimedwait(stop, NULL, &pause)) < 0)
		web_sweep(web);
	return sig;
}

static int create(const struct options *options, struct policies *policies,
		  struct collector **ret_collector, struct web **ret_web)
{
	struct collector_options collect = options->collect;
	struct web_options serving = {
	    .policies = policies,
	    .telemetry_path = options->telemetry_path,
	    .groups = collect.groups,
	    .max_requests = options->max_requests,
	};
	int r;

	collect.names = options->instances;
	r = collector_create(&collect, ret_collector);
	if (r < 0)
		return r;
	serving.collector = *ret_collector;
	return web_create(&serving, ret_web);
}

static int run(const struct options *options, const sigset_t *stop, struct snp_err *err)
{
	struct policies *policies = NULL;
	struct collector *collector = NULL;
	struct web *web = NULL;
	int r;

	r = policies_open(options->config_file, &policies, err);
	if (r < 0)
		return r;
	r = create(options, policies, &collector, &web);
	if (r < 0) {
		(void)snp_err_set(err, r, "%s", strerror(-r));
		goto out;
	}
	r = serve(options, web, err);
	if (r < 0)
		goto out;
	snp_log_line(SNP_LOG_INFO, "stopping: %s", strsignal(wait_for_stop(web, stop)));
out:
	web_destroy(&web);
	collector_destroy(&collector);
	policies_close(&policies);
	return r;
}

int main(int argc, char **argv)
{
	struct options options;
	struct snp_err err = {0};
	sigset_t stop;

	if (cli_begin(&prometheus_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (options_parse(argc, argv, &options, &err) < 0)
		return cli_usage(&prometheus_command, &err);
	if (options.action == OPTIONS_HELP)
		return cli_print_help(&prometheus_command);
	if (options.action == OPTIONS_VERSION)
		return cli_print_version(&prometheus_command);
	snp_log_set_level(options.log_level);
	snp_log_set_form(options.log_form);
	snp_program_take_signals(&stop);
	if (run(&options, &stop, &err) < 0) {
		cli_complain("%s", err.msg);
		return SNP_EXIT_FAILURE;
	}
	return SNP_EXIT_OK;
}
