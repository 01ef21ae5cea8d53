/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "readers"
#include "worker/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/paths.h"
#include "log/log.h"
#include "worker/backoff.h"
#include "worker/child.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define SETTLED_MS     60000 /* one that ran this long starts over with the waits */
#define END_MS	       2000  /* from SIGTERM to SIGKILL */
#define REAP_MS	       500

#define NEVER ((snp_mono_t){UINT64_MAX})

static const char *const names[READERS_NR] = {
#define X(id, name) [READER_##id] = (name),
    READERS(X)
#undef X
};

static void event(const struct reader *r, enum snp_enum_EVENT_KIND kind,
		  enum snp_enum_INITIATOR initiator, uint64_t value)
{
	const struct snp_event_fields fields = {.kind = kind,
						.initiator = initiator,
						.pid = (uint64_t)r->pid,
						.value = {value}};

	snp_event_record(r->set->options.bank, &fields, snp_mono_now());
}

/* ---- ending --------------------------------------------------------------- */

static void on_output(struct watch *watch)
{
	struct reader *r = watch->user;

	if (output_read(&r->output))
		return;
	watch_remove(r->set->options.watcher, &r->output_watch);
	output_fini(&r->output);
}

static void let_go(struct reader *r)
{
	int pidfd = r->pidfd.fd;

	watch_remove(r->set->options.watcher, &r->pidfd);
	watch_remove(r->set->options.watcher, &r->output_watch);
	output_fini(&r->output);
	if (pidfd >= 0)
		(void)close(pidfd);
	r->pid = 0;
	r->ending = false;
}

/* When the next one starts: at once if it was us who ended this one. */
static void set_due(struct reader *r, snp_mono_t now)
{
	r->due.ns = 0;
	if (!r->wanted)
		return;
	if (r->ending ||
	    snp_mono_since_ns(now, r->started) >= SETTLED_MS * SNP_NS_PER_MS)
		r->failures = 0;
	if (!r->ending)
		r->failures++;
	r->due =
	    r->failures
		? snp_mono_add_ms(now, backoff_bound_ms(BACKOFF_MIN_MS, BACKOFF_MAX_MS,
							r->failures))
		: now;
}

static void on_end(struct watch *watch)
{
	struct reader *r = watch->user;
	snp_mono_t now = snp_mono_now();
	siginfo_t info = {0};
	int rc = waitid(P_PIDFD, (id_t)watch->fd, &info, WEXITED | WNOHANG);

	if (rc == 0 && info.si_pid == 0)
		return;
	/* Otherwise it has ended, also where the program around us took the status. */
	set_due(r, now);
	log_at(r->ending ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	       r->wanted ? "reader ended, it is started again" : "reader ended",
	       LOG_STR("reader", names[r->kind]), LOG_I64("reader_pid", r->pid),
	       LOG_STR("how", info.si_code == CLD_EXITED ? "exit status" : "signal"),
	       LOG_I64("number", info.si_status),
	       LOG_MS("wait_ms", snp_mono_since_ns(r->due, now)));
	event(r, SNP_EVENT_KIND_READER_ENDED,
	      r->ending ? SNP_INITIATOR_SUPERVISOR : SNP_INITIATOR_UNKNOWN,
	      (uint64_t)(unsigned)info.si_status);
	let_go(r);
}

static void end(struct reader *r, snp_mono_t now)
{
	if (r->ending)
		return;
	r->ending = true;
	r->due = snp_mono_add_ms(now, END_MS);
	(void)kill(r->pid, SIGTERM); /* ours until it is waited for */
}

/* ---- starting ------------------------------------------------------------- */

#define ARGV_FIXED 5 /* what every reader is given */

static bool is_option(const char *text)
{
	return *text == '-';
}

/* The value of the variable that `assignment` is for, if `variable` is that one. */
static const char *value_in(const char *variable, const char *assignment)
{
	size_t len = strcspn(assignment, "=") + 1;

	return strncmp(variable, assignment, len) == 0 ? variable + len : NULL;
}

static bool is_variable(const char *text)
{
	return *text && !is_option(text);
}

/* As OpenTelemetry has it, an empty variable is one that is not set. */
static bool is_set(const char *assignment)
{
	for (char *const *variable = environ; *variable; variable++) {
		const char *value = value_in(*variable, assignment);

		if (value && *value)
			return true;
	}
	return false;
}

/* Empty, and the reader has something to say there. */
static bool is_replaced(const struct reader *r, const char *variable)
{
	for (int i = 0; i < READER_ARGUMENTS_MAX; i++) {
		const char *value = is_variable(r->running.text[i])
					? value_in(variable, r->running.text[i])
					: NULL;

		if (value && !*value)
			return true;
	}
	return false;
}

/* Our own environment, and of the reader's variables those that are not set in it. The
 * array is to be freed. */
static char **make_environment(const struct reader *r)
{
	size_t nr = 0;
	char **env;

	while (environ[nr])
		nr++;
	env = calloc(nr + READER_ARGUMENTS_MAX + 1, sizeof(*env));
	if (!env)
		return NULL;
	nr = 0;
	for (char *const *variable = environ; *variable; variable++)
		if (!is_replaced(r, *variable))
			env[nr++] = *variable;
	for (int i = 0; i < READER_ARGUMENTS_MAX; i++)
		if (is_variable(r->running.text[i]) && !is_set(r->running.text[i]))
			env[nr++] = (char *)r->running.text[i];
	return env;
}

/* Both outputs into `out`, nothing else open. */
static int spawn(const struct reader *r, int out, pid_t *ret_pid)
{
	const struct readers_options *o = &r->set->options;
	char program[PATH_MAX], parent[16];
	char *argv[ARGV_FIXED + READER_ARGUMENTS_MAX + 1] = {
	    (char *)o->launcher, parent, program, (char *)"-n", (char *)o->segment};
	int argc = ARGV_FIXED, rc;
	char **env = make_environment(r);

	if (!env)
		return -ENOMEM;
	(void)snprintf(program, sizeof(program), "%s/snakepit-%s", o->programs,
		       names[r->kind]);
	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
	for (int i = 0; i < READER_ARGUMENTS_MAX && *r->running.text[i]; i++)
		if (is_option(r->running.text[i]))
			argv[argc++] = (char *)r->running.text[i];
	rc = child_spawn(
	    &(struct child_plan){
		.argv = argv,
		.env = env,
		.fds = {CHILD_FD_NULL, out, out},
		.fds_nr = 3,
		.leads = CHILD_LEADS_GROUP,
	    },
	    ret_pid);
	free(env);
	return rc;
}

static int watch_process(struct reader *r, int out, snp_mono_t now)
{
	struct watcher *watcher = r->set->options.watcher;
	int pidfd = pidfd_open(r->pid, 0); /* our child: the pid is its own */
	int rc;

	if (pidfd < 0)
		return -errno;
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	r->started = now;
	output_init(&r->output, OUTPUT_READER, out, names[r->kind], true);
	rc = watch_add(watcher, &r->output_watch, out, on_output, r);
	if (rc == 0)
		rc = watch_add(watcher, &r->pidfd, pidfd, on_end, r);
	if (rc < 0) {
		watch_remove(watcher, &r->output_watch);
		(void)close(pidfd);
	}
	return rc;
}

static int start(struct reader *r, snp_mono_t now)
{
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r->running = r->arguments;
	rc = spawn(r, fds[1], &r->pid);
	(void)close(fds[1]);
	if (rc == 0) {
		(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
		rc = watch_process(r, fds[0], now);
		if (rc == 0)
			return 0;
		(void)kill(-r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	(void)close(fds[0]);
	r->output.fd = -1;
	r->pid = 0;
	return rc;
}

static void try_start(struct reader *r, snp_mono_t now)
{
	int rc = start(r, now);

	if (rc < 0) {
		r->failures++;
		r->due = snp_mono_add_ms(
		    now, backoff_bound_ms(BACKOFF_MIN_MS, BACKOFF_MAX_MS, r->failures));
		log_warn("cannot start a reader, it is tried again",
			 LOG_STR("reader", names[r->kind]), LOG_ERRNO(rc),
			 LOG_MS("wait_ms", snp_mono_since_ns(r->due, now)));
		return;
	}
	r->due.ns = 0;
	log_info("reader started", LOG_STR("reader", names[r->kind]),
		 LOG_I64("reader_pid", r->pid));
	event(r, SNP_EVENT_KIND_READER_STARTED, SNP_INITIATOR_SUPERVISOR, 0);
}

/* ---- what is wanted ------------------------------------------------------- */

static void describe_prometheus(const struct snp_cfg_prometheus *cfg,
				char (*text)[READER_ARGUMENT_BYTES])
{
	(void)snprintf(text[0], sizeof(text[0]), "--web.listen-address=%s",
		       cfg->listen);
	if (cfg->web_config_file)
		(void)snprintf(text[1], sizeof(text[1]), "--web.config.file=%s",
			       cfg->web_config_file);
}

static void describe_statsd(const struct snp_cfg_statsd *cfg,
			    char (*text)[READER_ARGUMENT_BYTES])
{
	(void)snprintf(text[0], sizeof(text[0]), "--statsd.address=%s", cfg->address);
	(void)snprintf(text[1], sizeof(text[1]), "--statsd.tags=%s",
		       snp_cfg_statsd_tags_name(cfg->tags));
}

/* As variables, before which those in the environment come: they may be set for one
 * signal, too. */
static void describe_otlp(const struct snp_cfg_otlp *cfg,
			  char (*text)[READER_ARGUMENT_BYTES])
{
	static const char *const exporters[] = {
	    "OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"};

	(void)snprintf(text[0], sizeof(text[0]), "OTEL_EXPORTER_OTLP_ENDPOINT=%s",
		       cfg->endpoint);
	(void)snprintf(text[1], sizeof(text[1]), "OTEL_EXPORTER_OTLP_PROTOCOL=%s",
		       snp_cfg_otlp_protocol_name(cfg->protocol));
	for (size_t i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++)
		(void)snprintf(text[2 + i], sizeof(text[2 + i]), "%s=%s", exporters[i],
			       snp_cfg_otlp_exporter_name(cfg->exporter));
}

static void describe(enum reader_kind kind, const struct snp_cfg_readers *cfg,
		     struct reader_arguments *ret_arguments)
{
	/* All of it, as two of them are compared byte by byte. */
	memset(ret_arguments, 0, sizeof(*ret_arguments));
	switch (kind) {
	case READER_PROMETHEUS:
		if (cfg->prometheus.enabled)
			describe_prometheus(&cfg->prometheus, ret_arguments->text);
		break;
	case READER_STATSD:
		if (cfg->statsd.enabled)
			describe_statsd(&cfg->statsd, ret_arguments->text);
		break;
	case READER_OTLP:
		if (cfg->otlp.enabled)
			describe_otlp(&cfg->otlp, ret_arguments->text);
		break;
	case READERS_NR:
		break;
	}
}

void readers_apply(struct readers *readers, const struct snp_cfg_readers *cfg)
{
	const bool nothing_to_read = !*readers->options.segment;
	snp_mono_t now = snp_mono_now();

	for (int i = 0; i < READERS_NR; i++) {
		struct reader *r = &readers->reader[i];
		bool enabled;

		describe(r->kind, cfg, &r->arguments);
		enabled = *r->arguments.text[0] != '\0';
		r->wanted = enabled && !nothing_to_read;
		if (enabled && nothing_to_read)
			log_warn("without a segment there is nothing to read, the "
				 "reader is not started",
				 LOG_STR("reader", names[r->kind]));
		if (r->pid && (!r->wanted || memcmp(&r->arguments, &r->running,
						    sizeof(r->running)) != 0))
			end(r, now);
		else if (!r->pid)
			r->due = r->wanted ? now : (snp_mono_t){0};
	}
}

static void turn(struct reader *r, snp_mono_t now)
{
	if (!r->due.ns || now.ns < r->due.ns)
		return;
	if (!r->pid) {
		try_start(r, now);
	} else {
		(void)kill(-r->pid, SIGKILL);
		r->due.ns = 0;
	}
}

snp_mono_t readers_turn(struct readers *readers, snp_mono_t now)
{
	snp_mono_t next = NEVER;

	for (int i = 0; i < READERS_NR; i++) {
		struct reader *r = &readers->reader[i];

		turn(r, now);
		if (r->due.ns && r->due.ns < next.ns)
			next = r->due;
	}
	return next;
}

bool readers_gone(const struct readers *readers)
{
	for (int i = 0; i < READERS_NR; i++)
		if (readers->reader[i].pid)
			return false;
	return true;
}

/* ---- lifetime ------------------------------------------------------------- */

void readers_init(struct readers *readers, const struct readers_options *options)
{
	readers->options = *options;
	for (int i = 0; i < READERS_NR; i++)
		readers->reader[i] = (struct reader){.set = readers,
						     .kind = (enum reader_kind)i,
						     .pidfd.fd = -1,
						     .output_watch.fd = -1,
						     .output.fd = -1};
}

void readers_fini(struct readers *readers)
{
	for (int i = 0; i < READERS_NR; i++) {
		struct reader *r = &readers->reader[i];
		struct pollfd gone = {.events = POLLIN};

		if (!r->pid)
			continue;
		(void)kill(-r->pid, SIGKILL);
		gone.fd = r->pidfd.fd;
		if (poll(&gone, 1, REAP_MS) == 1)
			on_end(&r->pidfd);
		else
			let_go(r);
	}
}
