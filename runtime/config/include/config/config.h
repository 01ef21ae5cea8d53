/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the configuration of snakepitd: a YAML file as one C struct.
 *
 * A loaded configuration is complete and checked: what the file leaves out has its
 * default, ${VAR} and ${VAR:-default} are expanded, each pool's heartbeat section is
 * merged over the global one, every number is in its range. Members are named like the
 * keys and carry their unit (_ms, _s, _mb). Strings are never NULL and never empty
 * unless a comment says so. runtime/config/keys.def is the table of all keys: defaults,
 * ranges, and the explanations that `snp_config_default_print()` prints.
 *
 * Errors read "file:line:column: what is wrong; expected what", one line, where line
 * and column count from 1 and columns count characters. The code is -EINVAL for
 * content, -EFBIG for a file over SNP_CONFIG_MAX_BYTES, -ENOMEM, or what open/read
 * gave.
 *
 * Threads: no global state. A loaded struct is plain data; any number of threads may
 * read it as long as nobody changes or destroys it. Loading reads the environment.
 */
#ifndef SNP_CONFIG_CONFIG_H
#define SNP_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "log/log.h" /* enum log_level, enum log_format */
#include "snakepit/err.h"

#define SNP_CONFIG_MAX_BYTES 1048576

/* X(ID, name in the file) */
#define SNP_CFG_PROFILES(X)                                                            \
	X(PROCESS, "process")                                                          \
	X(THREAD, "thread")
#define SNP_CFG_BRIDGES(X)                                                             \
	X(NATIVE, "native")                                                            \
	X(LEGACY, "legacy")
#define SNP_CFG_AFFINITIES(X)                                                          \
	X(HINT, "hint")                                                                \
	X(STRICT_QUEUE, "strict_queue")                                                \
	X(STRICT_FAIL_FAST, "strict_fail_fast")
#define SNP_CFG_SAMPLERS(X)                                                            \
	X(ALWAYS_ON, "always_on")                                                      \
	X(ALWAYS_OFF, "always_off")                                                    \
	X(TRACEIDRATIO, "traceidratio")                                                \
	X(PARENTBASED_ALWAYS_ON, "parentbased_always_on")                              \
	X(PARENTBASED_ALWAYS_OFF, "parentbased_always_off")                            \
	X(PARENTBASED_TRACEIDRATIO, "parentbased_traceidratio")
#define SNP_CFG_OTLP_PROTOCOLS(X)                                                      \
	X(HTTP_PROTOBUF, "http/protobuf")                                              \
	X(HTTP_JSON, "http/json")                                                      \
	X(GRPC, "grpc")
#define SNP_CFG_OTLP_EXPORTERS(X)                                                      \
	X(OTLP, "otlp")                                                                \
	X(CONSOLE, "console")
#define SNP_CFG_STATSD_TAGS(X)                                                         \
	X(NONE, "none")                                                                \
	X(DOGSTATSD, "dogstatsd")                                                      \
	X(INFLUX, "influx")                                                            \
	X(LIBRATO, "librato")

enum snp_cfg_profile {
#define X(id, name) SNP_CFG_PROFILE_##id,
	SNP_CFG_PROFILES(X)
#undef X
};

enum snp_cfg_bridge {
#define X(id, name) SNP_CFG_BRIDGE_##id,
	SNP_CFG_BRIDGES(X)
#undef X
};

enum snp_cfg_affinity {
#define X(id, name) SNP_CFG_AFFINITY_##id,
	SNP_CFG_AFFINITIES(X)
#undef X
};

enum snp_cfg_sampler {
#define X(id, name) SNP_CFG_SAMPLER_##id,
	SNP_CFG_SAMPLERS(X)
#undef X
};

enum snp_cfg_otlp_protocol {
#define X(id, name) SNP_CFG_OTLP_PROTOCOL_##id,
	SNP_CFG_OTLP_PROTOCOLS(X)
#undef X
};

enum snp_cfg_otlp_exporter {
#define X(id, name) SNP_CFG_OTLP_EXPORTER_##id,
	SNP_CFG_OTLP_EXPORTERS(X)
#undef X
};

enum snp_cfg_statsd_tags {
#define X(id, name) SNP_CFG_STATSD_TAGS_##id,
	SNP_CFG_STATSD_TAGS(X)
#undef X
};

/* The name in the file of an enum's value, as a string constant. */
const char *snp_cfg_profile_name(enum snp_cfg_profile profile);
const char *snp_cfg_bridge_name(enum snp_cfg_bridge bridge);
const char *snp_cfg_affinity_name(enum snp_cfg_affinity affinity);
const char *snp_cfg_statsd_tags_name(enum snp_cfg_statsd_tags tags);
const char *snp_cfg_otlp_protocol_name(enum snp_cfg_otlp_protocol protocol);
const char *snp_cfg_otlp_exporter_name(enum snp_cfg_otlp_exporter exporter);

struct snp_cfg_tls {
	char *cert;
	char *key;
	char *client_ca; /* NULL: clients need no certificate */
};

struct snp_cfg_limits {
	uint32_t max_message_mb;
	uint32_t max_metadata_kb;
};

struct snp_cfg_sessions {
	uint32_t limit;
	uint32_t ttl_s;
	uint32_t queue_limit; /* requests of one session that may wait */
};

struct snp_cfg_queue {
	uint32_t limit; /* requests waiting in this pool's queue */
	uint32_t timeout_ms;
};

/* The stages of a start have a time each. */
struct snp_cfg_startup {
	uint32_t exec_timeout_ms;   /* from spawn to a program that runs */
	uint32_t boot_timeout_ms;   /* from spawn to hello; progress extends it */
	uint32_t answer_timeout_ms; /* from hello to the first answer */
	uint32_t batch_size;
	uint32_t batch_delay_ms;
};

/* 0 = off, except for jitter and max_unavailable, which are ratios from 0 to 1. */
struct snp_cfg_lifecycle {
	uint32_t worker_ttl_s;
	uint32_t worker_max_requests;
	uint32_t memory_soft_mb;
	uint32_t memory_hard_mb;
	double jitter;
	double max_unavailable;
	uint32_t min_lifetime_ms;  /* not recycled for memory before */
	uint32_t min_ready_ms;	   /* rolling: before the next is replaced */
	uint32_t memory_sample_ms; /* never 0 */
};

struct snp_cfg_restart {
	uint32_t backoff_min_ms;
	uint32_t backoff_max_ms; /* >= backoff_min_ms */
	uint32_t breaker_deaths;
	uint32_t breaker_window_s;
	uint32_t breaker_probe_ms;
};

struct snp_cfg_heartbeat {
	bool enabled;
	uint32_t ping_interval_ms;
	uint32_t timeout_ms;
	uint32_t max_missed_heartbeats; /* >= 1 */
	uint32_t initial_delay_ms;
	uint32_t jitter_ms;
	bool dependent; /* false: count and report, do not replace the worker */
	bool enforce;	/* false: verdicts are counted only */
	bool strict;	/* true: misses replace the worker whatever the verdict says */
	/* Verdicts (worker/verdict.h); kills: 0 = never. */
	uint32_t beat_interval_ms;
	uint32_t suspect_ms;
	uint32_t dump_ms;
	uint32_t unresponsive_kill_ms;
	uint32_t wedged_kill_ms;
	uint32_t stopped_kill_ms;
	uint32_t gil_stall_kill_ms;
};

struct snp_cfg_pool {
	char *name;    /* [A-Za-z0-9_.-]{1,63}, unique */
	char *adapter; /* PKG.MOD.Class */
	uint32_t workers;
	uint32_t max_workers; /* 0, or at least workers; see snp_cfg_pool_most() */
	enum snp_cfg_profile profile;
	uint32_t threads_per_worker; /* counts in the thread profile only */
	enum snp_cfg_bridge bridge;
	char *script;	   /* NULL: the runtime's own grpc_server.py */
	char *python;	   /* NULL: $SNAKEPIT_PYTHON, .venv/bin/python3, python3 */
	char **pythonpath; /* as written; relative to the working directory */
	uint32_t pythonpath_count;
	char **env; /* "NAME=value" */
	uint32_t env_count;
	struct snp_cfg_queue queue;
	uint32_t request_timeout_ms;
	uint32_t stream_timeout_ms;
	enum snp_cfg_affinity affinity;
	struct snp_cfg_sessions sessions;
	char **idempotent_tools;
	uint32_t idempotent_tools_count;
	uint32_t max_tools;
	struct snp_cfg_startup startup;
	struct snp_cfg_lifecycle lifecycle;
	struct snp_cfg_restart restart;
	struct snp_cfg_heartbeat
	    heartbeat; /* resolved: global section, then the pool's */
};

/* Requests that one worker takes at a time. */
static inline uint32_t snp_cfg_pool_capacity(const struct snp_cfg_pool *pool)
{
	return pool->profile == SNP_CFG_PROFILE_THREAD ? pool->threads_per_worker : 1;
}

/* Most workers the pool can be scaled to. */
static inline uint32_t snp_cfg_pool_most(const struct snp_cfg_pool *pool)
{
	return pool->max_workers ? pool->max_workers : pool->workers;
}

struct snp_cfg_shutdown {
	uint32_t drain_timeout_ms;
	uint32_t stop_timeout_ms;
	uint32_t kill_timeout_ms;
};

struct snp_cfg_segment {
	bool required;
	uint32_t max_worker_slots; /* >= the sum of all pools' workers */
	uint32_t max_tool_rows;
	uint32_t max_adapter_metrics;
	uint32_t history_seconds;
	bool allow_disk;
};

struct snp_cfg_traces {
	bool enabled;
	enum snp_cfg_sampler sampler;
	double ratio; /* 0 to 1 */
};

struct snp_cfg_telemetry_python {
	bool otel;
};

struct snp_cfg_telemetry_events {
	bool enabled;
	double sampling_rate; /* 0 to 1 */
	uint32_t max_per_s;   /* of one worker, >= 1 */
};

struct snp_cfg_correlation {
	bool accept_from_clients;
};

struct snp_cfg_telemetry {
	struct snp_cfg_traces traces;
	struct snp_cfg_telemetry_python python;
	struct snp_cfg_telemetry_events events;
	struct snp_cfg_correlation correlation;
};

struct snp_cfg_prometheus {
	bool enabled;
	char *listen;	       /* HOST:PORT */
	char *web_config_file; /* NULL: none */
};

struct snp_cfg_otlp {
	bool enabled;
	char *endpoint; /* http:// or https:// */
	enum snp_cfg_otlp_protocol protocol;
	enum snp_cfg_otlp_exporter exporter;
};

struct snp_cfg_statsd {
	bool enabled;
	char *address; /* HOST:PORT or unix:/path */
	enum snp_cfg_statsd_tags tags;
};

struct snp_cfg_readers {
	struct snp_cfg_prometheus prometheus;
	struct snp_cfg_otlp otlp;
	struct snp_cfg_statsd statsd;
};

struct snp_cfg_log {
	enum log_level level;
	enum log_format format;
	bool python_output; /* relay the workers' stdout and stderr */
};

struct snp_config {
	char *instance; /* [A-Za-z0-9_.-]{1,63} */
	char *data_dir; /* NULL: the runtime's default directory */
	/* "unix:/path" or "HOST:PORT", at least one. A ${SNAKEPIT_DIR} may be left in
	 * until snp_config_resolve_dir(). */
	char **listen;
	uint32_t listen_count;
	bool listen_insecure;	 /* TCP beyond loopback may do without TLS */
	struct snp_cfg_tls *tls; /* NULL: none */
	struct snp_cfg_limits limits;
	struct snp_cfg_pool *pools;
	uint32_t pools_count; /* >= 1 */
	struct snp_cfg_heartbeat heartbeat;
	struct snp_cfg_shutdown shutdown;
	struct snp_cfg_segment segment;
	struct snp_cfg_telemetry telemetry;
	struct snp_cfg_readers readers;
	struct snp_cfg_log log;
};

/* Requests that one worker of any pool takes at a time, at most. */
uint32_t snp_config_largest_capacity(const struct snp_config *cfg);

/* Read, check and return the file `path`. The caller owns *ret_cfg. */
int snp_config_load(const char *path, struct snp_config **ret_cfg, struct snp_err *err);

/* The same for `len` bytes of text; `name` stands for the file in errors. */
int snp_config_parse(const char *text, size_t len, const char *name,
		     struct snp_config **ret_cfg, struct snp_err *err);

/* Where in a good file the value of `key` stands, a path such as
 * "pools.default.queue.limit" (pools go by their names); of one that is left out, where
 * its section stands. -ENOENT: the file has no such pool. */
int snp_config_locate(const char *file, const char *key, size_t *ret_line,
		      size_t *ret_column);

/*
 * Settle what depends on the runtime's directory `dir` (absolute), which is known only
 * once it is chosen: each ${SNAKEPIT_DIR} left in `listen` becomes `dir`. Left in are
 * those of a file that names no listener (the default is
 * unix:${SNAKEPIT_DIR}/<instance>.sock) and, if the environment does not set the
 * variable, those of the file. -ENAMETOOLONG if a socket's path is then over 107 bytes;
 * `cfg` is then unchanged.
 */
int snp_config_resolve_dir(struct snp_config *cfg, const char *dir,
			   struct snp_err *err);

/* Accepts NULL and a pointer to NULL. Sets *cfg to NULL. */
void snp_config_destroy(struct snp_config **cfg);

/* Write a complete configuration file with every key, its default and one line of
 * explanation. What it writes is accepted by snp_config_parse(). */
int snp_config_default_print(FILE *out);

/* Write the effective values of `cfg` as YAML; parsing that gives an equal struct.
 * Both return 0 or the negative errno of a failed write. */
int snp_config_show(FILE *out, const struct snp_config *cfg);

#endif
