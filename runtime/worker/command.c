/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/legacy.h"
#include "worker/procid.h"

extern char **environ;

/* "1": start the OpenTelemetry SDK. */
#define OTEL_VARIABLE "SNAKEPIT_OTEL"

/* ---- lists of strings ---------------------------------------------------- */

/* A NULL-terminated vector of owned strings. After a failed add `failed` stays set, so
 * that a list can be built without looking at each step. */
struct strings {
	char **v;
	size_t n, max;
	int failed;
};

static void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strings){.v = NULL};
}

static void strings_take(struct strings *s, char *take_text)
{
	if (take_text && s->n + 1 >= s->max) {
		size_t max = s->max ? 2 * s->max : 32;
		char **v = realloc(s->v, max * sizeof(*v));

		if (v) {
			s->v = v;
			s->max = max;
		}
	}
	if (!take_text || s->n + 1 >= s->max) {
		free(take_text);
		s->failed = 1;
		return;
	}
	s->v[s->n++] = take_text;
	s->v[s->n] = NULL;
}

static void strings_add(struct strings *s, const char *text)
{
	strings_take(s, strdup(text));
}

__attribute__((format(printf, 2, 3))) static void strings_addf(struct strings *s,
							       const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	strings_take(s, text);
}

/* ---- command line -------------------------------------------------------- */

const char *spawn_python(const struct spawn_site *site, const struct snp_cfg_pool *pool)
{
	static const char here[] = ".venv/bin/python3";
	const char *python = pool->python;

	if (!python)
		python = getenv("SNAKEPIT_PYTHON");
	if (python && *python)
		return python;
	if (access(here, X_OK) == 0)
		return here;
	if (site->venv_python && access(site->venv_python, X_OK) == 0)
		return site->venv_python;
	return "python3";
}

static void add_pair(struct strings *s, const char *option, const char *value)
{
	strings_add(s, option);
	strings_add(s, value);
}

static void add_number(struct strings *s, const char *option, uint64_t value)
{
	strings_add(s, option);
	strings_addf(s, "%llu", (unsigned long long)value);
}

static void add_native(const struct spawn_request *r, struct strings *argv)
{
	add_pair(argv, "--address", r->address);
	add_pair(argv, "--pool", r->pool->name);
	add_number(argv, "--slot", r->slot);
	add_pair(argv, "--worker-id", r->worker_id);
	add_pair(argv, "--snakepit-run-id", r->site->run_id);
	add_pair(argv, "--snakepit-instance-name", r->site->instance);
	add_pair(argv, "--host-address", r->site->host_address);
	add_number(argv, "--ready-fd", SPAWN_FD_READY);
	add_number(argv, "--lifeline-fd", SPAWN_FD_LIFELINE);
	add_number(argv, "--log-fd", SPAWN_FD_LOG);
	if (r->beat_fd >= 0)
		add_number(argv, "--beat-fd", SPAWN_FD_BEAT);
	if (r->stacks_fd >= 0)
		add_number(argv, "--stacks-fd", SPAWN_FD_STACKS);
	if (r->metrics_fd >= 0)
		add_number(argv, "--metrics-fd", SPAWN_FD_METRICS);
	add_number(argv, "--max-workers",
		   r->pool->profile == SNP_CFG_PROFILE_THREAD
		       ? r->pool->threads_per_worker
		       : 1);
	if (r->site->cfg)
		add_number(argv, "--stop-timeout-ms",
			   r->site->cfg->shutdown.stop_timeout_ms);
}

/* Only what existing servers know: their parsers refuse the rest. */
static void add_legacy(const struct spawn_request *r, struct strings *argv)
{
	add_number(argv, "--port", 0);
	add_pair(argv, "--elixir-address", r->legacy_host);
	add_pair(argv, "--snakepit-run-id", r->site->run_id);
	add_pair(argv, "--snakepit-instance-name", r->site->instance);
	add_pair(argv, "--snakepit-instance-token", r->site->run_uuid);
	if (r->pool->profile == SNP_CFG_PROFILE_THREAD)
		add_number(argv, "--max-workers", r->pool->threads_per_worker);
}

/* The interpreter with the program and the adapter. */
static void add_python(const struct spawn_request *r, struct strings *argv)
{
	const struct snp_cfg_pool *pool = r->pool;

	strings_add(argv, spawn_python(r->site, pool));
	strings_add(argv, pool->script ? pool->script : r->site->server);
	add_pair(argv, "--adapter", pool->adapter);
}

static void build_argv(const struct spawn_request *r, struct strings *argv)
{
	strings_add(argv, r->site->launcher);
	strings_addf(argv, "%d", getpid());
	add_python(r, argv);
	if (spawn_is_legacy(r))
		add_legacy(r, argv);
	else
		add_native(r, argv);
}

/* ---- environment --------------------------------------------------------- */

static int is_set_by(const char *entry, const char *name, size_t len)
{
	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Set NAME=value, replacing an earlier entry of that name. Takes `take_entry`. */
static void env_take(struct strings *env, char *take_entry)
{
	size_t len = take_entry ? strcspn(take_entry, "=") : 0;

	for (size_t i = 0; take_entry && i < env->n; i++)
		if (is_set_by(env->v[i], take_entry, len)) {
			free(env->v[i]);
			env->v[i] = take_entry;
			return;
		}
	strings_take(env, take_entry);
}

static void env_set(struct strings *env, const char *entry)
{
	char *copy = strdup(entry);

	env->failed |= !copy;
	if (copy)
		env_take(env, copy);
}

__attribute__((format(printf, 2, 3))) static void env_setf(struct strings *env,
							   const char *fmt, ...)
{
	char *entry = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&entry, fmt, ap) < 0)
		env->failed = 1;
	else
		env_take(env, entry);
	va_end(ap);
}

/* Add a folder, or a list of them, to the end of a path. */
static void path_add(char **path, const char *more, struct strings *env)
{
	char *longer = NULL;

	if (!more || !*more)
		return;
	if (asprintf(&longer, "%s%s%s", *path ? *path : "PYTHONPATH=", *path ? ":" : "",
		     more) < 0) {
		env->failed = 1;
		return;
	}
	free(*path);
	*path = longer;
}

/* PYTHONPATH: our package, the pool's folders, then what the environment had. A legacy
 * worker brings its own package, of the same name. */
static void env_set_pythonpath(struct strings *env, const struct spawn_request *r)
{
	char *path = NULL;

	if (!spawn_is_legacy(r))
		path_add(&path, r->site->package_path, env);
	for (uint32_t i = 0; i < r->pool->pythonpath_count; i++)
		path_add(&path, r->pool->pythonpath[i], env);
	path_add(&path, getenv("PYTHONPATH"), env);
	if (path)
		env_take(env, path);
}

/* What only the runtime of a worker may tell it: not passed on where the runtime itself
 * was started by somebody's worker. The group of a legacy worker is made before it
 * runs, so nobody asks it to make one. */
static bool is_ours_alone(const char *entry)
{
	static const char *const names[] = {
	    PROCID_RUN_VARIABLE,	 PROCID_WORKER_VARIABLE,
	    "SNAKEPIT_BEAT_LIBRARY",	 "SNAKEPIT_READY_FILE",
	    "SNAKEPIT_GRPC_ADDRESS",	 "SNAKEPIT_PROCESS_GROUP",
	    "SNAKEPIT_HEARTBEAT_CONFIG", OTEL_VARIABLE,
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_set_by(entry, names[i], strlen(names[i])))
			return true;
	return false;
}

static void add_handshake(const struct spawn_request *r, struct strings *env)
{
	const char *beat = r->site->beat_library;
	char heartbeat[LEGACY_HEARTBEAT_BYTES];

	strings_addf(env, PROCID_RUN_VARIABLE "=%s", r->site->run_uuid);
	strings_addf(env, PROCID_WORKER_VARIABLE "=" PROCID_WORKER_FORMAT,
		     r->site->run_uuid, (unsigned long long)r->number);
	if (spawn_is_legacy(r)) {
		legacy_heartbeat_json(&r->pool->heartbeat, heartbeat);
		strings_addf(env, "SNAKEPIT_HEARTBEAT_CONFIG=%s", heartbeat);
		strings_addf(env, "SNAKEPIT_READY_FILE=%s", r->ready_file);
		strings_addf(env, "SNAKEPIT_GRPC_ADDRESS=%s", r->legacy_host);
	} else if (r->beat_fd >= 0 && beat && *beat) {
		strings_addf(env, "SNAKEPIT_BEAT_LIBRARY=%s", beat);
	}
}

/* By what a process is found: no pool's to change. */
static bool is_identity(const char *entry)
{
	return is_set_by(entry, PROCID_RUN_VARIABLE, strlen(PROCID_RUN_VARIABLE)) ||
	       is_set_by(entry, PROCID_WORKER_VARIABLE, strlen(PROCID_WORKER_VARIABLE));
}

/* ---- OpenTelemetry ------------------------------------------------------- */

static int is_variable_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* A worker is an instance of its own: what the environment says of the runtime's goes
 * first, where the same keys after it win. */
static void env_set_resource(struct strings *env, const struct spawn_request *r)
{
	const char *ours = getenv("OTEL_RESOURCE_ATTRIBUTES");

	/* The run's uuid with the number of the process: an id of version 8, one's own
	 * making. */
	env_setf(env,
		 "OTEL_RESOURCE_ATTRIBUTES=%s%sservice.instance.id=%.14s8%.9s%012llx,"
		 "snakepit.runtime.instance.id=%s,snakepit.pool.name=%s,"
		 "snakepit.worker.slot=%u,snakepit.worker.id=%s",
		 ours ? ours : "", ours && *ours ? "," : "", r->site->run_uuid,
		 r->site->run_uuid + 15, (unsigned long long)r->number,
		 r->site->run_uuid, r->pool->name, r->slot, r->worker_id);
}

/* To where the runtime sends its own, unless the environment says where. Workers know
 * no OTLP over gRPC. */
static void env_set_endpoint(struct strings *env, const struct snp_cfg_otlp *otlp)
{
	if (!is_variable_set("OTEL_EXPORTER_OTLP_ENDPOINT") &&
	    !is_variable_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") &&
	    otlp->protocol != SNP_CFG_OTLP_PROTOCOL_GRPC)
		env_setf(env, "OTEL_EXPORTER_OTLP_ENDPOINT=%s", otlp->endpoint);
}

static void add_otel(const struct spawn_request *r, struct strings *env)
{
	if (spawn_is_legacy(r) || !r->site->cfg || !r->site->cfg->telemetry.python.otel)
		return;
	env_set(env, OTEL_VARIABLE "=1");
	if (!is_variable_set("OTEL_SERVICE_NAME"))
		env_set(env, "OTEL_SERVICE_NAME=snakepit-worker");
	env_set_resource(env, r);
	env_set_endpoint(env, &r->site->cfg->readers.otlp);
	/* The runtime has decided, and a worker without one takes all. */
	env_set(env, "OTEL_TRACES_SAMPLER=parentbased_always_on");
	/* The runtime has them from the segment and from the workers' output. */
	env_set(env, "OTEL_METRICS_EXPORTER=none");
	env_set(env, "OTEL_LOGS_EXPORTER=none");
	/* What a worker that is killed loses. */
	if (!is_variable_set("OTEL_BSP_SCHEDULE_DELAY"))
		env_set(env, "OTEL_BSP_SCHEDULE_DELAY=1000");
}

static void env_inherit(struct strings *env)
{
	for (char **e = environ; *e; e++)
		if (!is_ours_alone(*e))
			strings_add(env, *e);
}

/* What the pool's adapter finds, whoever runs it. */
static void env_set_user(const struct spawn_request *r, struct strings *env)
{
	/* One thread each: with a hundred workers BLAS would start thousands. Users who
	 * know better set them in the pool's env or the runtime's environment. */
	static const char *const thread_caps[] = {
	    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
	    "NUMEXPR_NUM_THREADS"};

	for (size_t i = 0; i < sizeof(thread_caps) / sizeof(thread_caps[0]); i++)
		if (!getenv(thread_caps[i]))
			strings_addf(env, "%s=1", thread_caps[i]);
	env_set_pythonpath(env, r);
	env_set(env, "PYTHONUNBUFFERED=1");
	env_setf(env, "SNAKEPIT_LOG_LEVEL=%s", log_level_name(r->site->log_level));
	add_otel(r, env);
	for (uint32_t i = 0; i < r->pool->env_count; i++)
		if (!is_identity(r->pool->env[i]))
			env_set(env, r->pool->env[i]);
}

static void build_env(const struct spawn_request *r, struct strings *env)
{
	env_inherit(env);
	add_handshake(r, env);
	env_set_user(r, env);
}

/* ---- both ---------------------------------------------------------------- */

/* Take both lists, or free them. */
static int finish(struct strings *argv, struct strings *env,
		  struct command *ret_command)
{
	if (argv->failed || env->failed) {
		strings_free(argv);
		strings_free(env);
		return -ENOMEM;
	}
	*ret_command = (struct command){.argv = argv->v, .env = env->v};
	return 0;
}

int command_build(const struct spawn_request *r, struct command *ret_command)
{
	struct strings argv = {.v = NULL}, env = {.v = NULL};

	build_argv(r, &argv);
	build_env(r, &env);
	return finish(&argv, &env, ret_command);
}

int command_build_import(const struct spawn_request *r, struct command *ret_command)
{
	struct strings argv = {.v = NULL}, env = {.v = NULL};

	add_python(r, &argv);
	strings_add(&argv, "--health-check");
	env_inherit(&env);
	env_set_user(r, &env);
	return finish(&argv, &env, ret_command);
}

static void free_all(char **v)
{
	for (char **s = v; *s; s++)
		free(*s);
	free(v);
}

void command_free(struct command *command)
{
	free_all(command->argv);
	free_all(command->env);
	*command = (struct command){.argv = NULL};
}
