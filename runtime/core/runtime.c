/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "runtime"
#include "core/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/paths.h"
#include "core/ticker.h"
#include "log/log.h"
#include "rcu.h"
#include "snakepit/read.h"
#include "worker/supervisor.h"

#define LOOPS_MAX    4
#define CORES_A_LOOP 8
#define BANKS_BESIDE 2 /* front door, supervisor */
#define HEARTBEAT_MS 100
/* Spans a ring has room for once they are to leave: a second and a half of 20,000 a
 * second, for a reader that comes ten times a second. */
#define TRACED_SPANS 32768
/* What must fit behind the socket directory: "/<row>.<incarnation>.sock". */
#define SOCKET_TAIL_BYTES 24

struct runtime {
	struct snp_config *cfg;
	struct paths paths;
	char dir[SNP_PATH_BYTES];
	char socket_dir[RPC_UNIX_PATH_MAX + 1]; /* "" = not made yet */
	char host_address[RPC_UNIX_PATH_MAX + SOCKET_TAIL_BYTES];
	char run_id[9];
	struct snp_writer *writer;
	struct pool **pools;
	struct event_loop loops[LOOPS_MAX];
	uint32_t loops_nr;
	struct front front;
	struct supervisor sup;
	struct ticker ticker;
	bool supervised, served;
};

/* ---- directories --------------------------------------------------------- */

int runtime_dir(const struct snp_config *cfg, char ret_dir[SNP_PATH_BYTES],
		struct snp_err *err)
{
	int n;

	if (!cfg->data_dir)
		return snp_dir_default(ret_dir, err);
	n = snprintf(ret_dir, SNP_PATH_BYTES, "%s", cfg->data_dir);
	return n > 0 && n < SNP_PATH_BYTES
		   ? 0
		   : snp_err_set(err, -ENAMETOOLONG, "data_dir is too long");
}

/* Remove the sockets and ready files of workers: ours at the end, a crashed
 * predecessor's at the start. The instance's lock is held, so nobody else uses them. */
static void clear_sockets(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		/* A ready file also under the name it is written by. */
		if ((len > 5 && strcmp(entry->d_name + len - 5, ".sock") == 0) ||
		    strstr(entry->d_name, ".ready"))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	(void)closedir(dir);
}

static int make_socket_dir(struct runtime *rt, struct snp_err *err)
{
	char path[SNP_PATH_BYTES + SNP_FMT_NAME_BYTES + 4];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s.d", rt->dir, rt->cfg->instance);
	if (strlen(path) + SOCKET_TAIL_BYTES > RPC_UNIX_PATH_MAX)
		return snp_err_set(
		    err, -ENAMETOOLONG,
		    "%s is too long for sockets (%d bytes in all); set data_dir "
		    "or SNAKEPIT_DIR to a shorter directory",
		    path, RPC_UNIX_PATH_MAX);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return snp_err_errno(err, "cannot create %s", path);
	if (lstat(path, &st) < 0)
		return snp_err_errno(err, "cannot examine %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0077))
		return snp_err_set(
		    err, -EPERM,
		    "%s must be a directory of ours with mode 0700; remove it", path);
	memcpy(rt->socket_dir, path, strlen(path) + 1);
	clear_sockets(rt->socket_dir);
	return 0;
}

/* ---- building ------------------------------------------------------------ */

/* Each hop between threads costs more than what it could take off the first thread,
 * until there are more workers than that one can keep busy
 * (docs/decisions/0080-one-loop-until-eight-cores.md). */
uint32_t runtime_loops_wanted(void)
{
	long loops = sysconf(_SC_NPROCESSORS_ONLN) / CORES_A_LOOP;

	return loops < 0 ? 0 : loops > LOOPS_MAX ? LOOPS_MAX : (uint32_t)loops;
}

/* Rows for workers: those that may be wanted, and those that stand in for them. */
static uint32_t worker_rows(const struct snp_config *cfg)
{
	uint32_t rows = cfg->segment.max_worker_slots;

	for (uint32_t i = 0; i < cfg->pools_count; i++)
		rows += pool_slots(&cfg->pools[i]) - snp_cfg_pool_most(&cfg->pools[i]);
	return rows;
}

static struct snp_writer_options segment_options(const struct snp_config *cfg,
						 const char *dir)
{
	return (struct snp_writer_options){
	    .dir = dir,
	    .instance = cfg->instance,
	    .pools_max = cfg->pools_count,
	    .workers_max = worker_rows(cfg),
	    .tools_max = cfg->segment.max_tool_rows,
	    .banks_max = runtime_loops_wanted() + BANKS_BESIDE,
	    .spans_per_ring =
		tracing_is_wanted(&cfg->telemetry.traces) ? TRACED_SPANS : 0,
	    .inflight_per_worker = snp_config_largest_capacity(cfg),
	    .adapter_metrics_max = cfg->segment.max_adapter_metrics,
	    .history_seconds = cfg->segment.history_seconds,
	    .heartbeat_interval_ms = HEARTBEAT_MS,
	    .flags = cfg->segment.allow_disk ? SNP_WRITER_ALLOW_DISK : 0,
	};
}

uint64_t runtime_segment_bytes(const struct snp_config *cfg)
{
	const struct snp_writer_options options = segment_options(cfg, "");

	return snp_writer_size(&options);
}

static int check_segment(const struct snp_config *cfg, struct snp_err *err)
{
	const struct snp_writer_options options = segment_options(cfg, "");
	const uint64_t bytes = runtime_segment_bytes(cfg);

	if (bytes <= SNP_FMT_MAX_BYTES)
		return 0;
	return snp_err_set(
	    err, -EINVAL,
	    "the segment would have %llu MiB; expected at most %llu; lower "
	    "segment.max_worker_slots (%u), segment.max_tool_rows (%u), "
	    "segment.history_seconds (%u) or threads_per_worker (%u)",
	    (unsigned long long)(bytes >> 20),
	    (unsigned long long)(SNP_FMT_MAX_BYTES >> 20), options.workers_max,
	    options.tools_max, options.history_seconds, options.inflight_per_worker);
}

static int check_listeners(const struct snp_config *cfg, struct snp_err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < cfg->listen_count && rc == 0; i++) {
		rc = rpc_listener_check(cfg->listen[i], supervisor_reach(cfg), err);
		if (rc < 0)
			(void)snp_err_wrap(err, "listen[%u]", i);
	}
	return rc;
}

static int check_tls(const struct snp_config *cfg, struct snp_err *err)
{
	struct rpc_tls_files files;
	int rc;

	if (!cfg->tls)
		return 0;
	files = front_tls_files(cfg->tls);
	rc = rpc_tls_check(&files, err);
	if (rc < 0)
		(void)snp_err_wrap(err, "tls");
	return rc;
}

int runtime_check(const struct snp_config *cfg, const char *file, struct snp_err *err)
{
	int rc = check_segment(cfg, err);

	if (rc == 0)
		rc = check_listeners(cfg, err);
	if (rc == 0)
		rc = check_tls(cfg, err);
	if (rc < 0)
		(void)snp_err_wrap(err, "%s", file);
	return rc;
}

/* Without a segment nobody can see the runtime, so it takes the word of its owner to go
 * on; and whatever he says, not beside another of the same name. */
static bool can_do_without(const struct snp_config *cfg, int rc)
{
	return rc < 0 && rc != -EEXIST && !cfg->segment.required;
}

static int create_segment(struct runtime *rt, struct snp_err *err)
{
	struct snp_writer_options options = segment_options(rt->cfg, rt->dir);
	int rc = snp_writer_create(&options, &rt->writer, err);

	if (can_do_without(rt->cfg, rc)) {
		log_warn("running without a segment: nobody can read metrics",
			 LOG_STR("error", err->msg));
		options.flags |= SNP_WRITER_ANONYMOUS;
		rc = snp_writer_create(&options, &rt->writer, err);
	}
	if (rc == 0)
		(void)snprintf(rt->run_id, sizeof(rt->run_id), "%.8s",
			       snp_writer_uuid(rt->writer));
	return rc;
}

static int create_pools(struct runtime *rt, struct snp_err *err)
{
	int rc = 0;

	rt->pools = calloc(rt->cfg->pools_count, sizeof(struct pool *));
	if (!rt->pools)
		return snp_err_set(err, -ENOMEM, "out of memory for the pools");
	for (uint32_t i = 0; i < rt->cfg->pools_count && rc == 0; i++)
		rc = pool_create(&rt->cfg->pools[i], rt->writer, &rt->pools[i], err);
	return rc;
}

static int create_loops(struct runtime *rt, struct snp_err *err)
{
	char name[32];
	int rc = 0;

	for (uint32_t n = runtime_loops_wanted(); rt->loops_nr < n && rc == 0;) {
		(void)snprintf(name, sizeof(name), "snp-loop-%u", rt->loops_nr);
		rc = event_loop_init(&rt->loops[rt->loops_nr], name, rt->writer,
				     EVENT_LOOP_PLAIN, err);
		rt->loops_nr += rc == 0;
	}
	rt->front.controlled = &rt->sup;
	rt->front.accept_correlation =
	    rt->cfg->telemetry.correlation.accept_from_clients;
	tracing_init(&rt->front.tracing, &rt->cfg->telemetry.traces);
	rt->front.tls = rt->cfg->tls;
	rt->front.limits = (struct rpc_server_opts){
	    .max_message_bytes = rt->cfg->limits.max_message_mb << 20,
	    .max_metadata_bytes = rt->cfg->limits.max_metadata_kb << 10,
	};
	rcu_prepare();
	if (rc == 0)
		rc = front_init(&rt->front, rt->writer, rt->pools, rt->cfg->pools_count,
				err);
	return rc;
}

/* Workers call back over the first unix listener, which needs no certificates. Where
 * the configuration has none, one beside the workers' own sockets. */
static void choose_host_address(struct runtime *rt)
{
	for (uint32_t i = 0; i < rt->cfg->listen_count; i++)
		if (strncmp(rt->cfg->listen[i], "unix:", 5) == 0) {
			(void)snprintf(rt->host_address, sizeof(rt->host_address), "%s",
				       rt->cfg->listen[i]);
			return;
		}
	(void)snprintf(rt->host_address, sizeof(rt->host_address), "unix:%s/host.sock",
		       rt->socket_dir);
}

static int create_supervisor(struct runtime *rt, const struct runtime_options *o,
			     struct snp_err *err)
{
	const struct supervisor_options options = {
	    .cfg = rt->cfg,
	    .writer = rt->writer,
	    .front = &rt->front,
	    .pools = rt->pools,
	    .pools_nr = rt->cfg->pools_count,
	    .loops = rt->loops_nr ? rt->loops : &rt->front.loop,
	    .loops_nr = rt->loops_nr ? rt->loops_nr : 1,
	    .spawn = {.launcher = rt->paths.launcher,
		      .server = rt->paths.server,
		      .package_path = rt->paths.package,
		      .venv_python = rt->paths.venv_python,
		      .beat_library = rt->paths.beat_library,
		      .instance = rt->cfg->instance,
		      .run_id = rt->run_id,
		      .run_uuid = snp_writer_uuid(rt->writer),
		      .host_address = rt->host_address,
		      .log_level = rt->cfg->log.level},
	    .dir = rt->dir,
	    .guard = rt->paths.guard,
	    .socket_dir = rt->socket_dir,
	    .signals = o->signals,
	    .reload = {.file = o->file, .dir = rt->dir, .started = rt->cfg},
	    .notify = o->notify,
	    .programs = rt->paths.programs,
	};
	int rc;

	choose_host_address(rt);
	rt->supervised = true;
	rc = supervisor_init(&rt->sup, &options, err);
	return rc < 0 ? rc : supervisor_listen(&rt->sup, rt->host_address, err);
}

static int build(struct runtime *rt, const struct runtime_options *o,
		 struct snp_err *err)
{
	int rc = paths_find(&rt->paths, o->programs, err);

	if (rc == 0)
		rc = runtime_dir(rt->cfg, rt->dir, err);
	if (rc == 0)
		rc = snp_config_resolve_dir(rt->cfg, rt->dir, err);
	if (rc == 0)
		rc = create_segment(rt, err);
	if (rc == 0)
		rc = make_socket_dir(rt, err);
	if (rc == 0)
		rc = create_pools(rt, err);
	if (rc == 0)
		rc = create_loops(rt, err);
	if (rc < 0)
		return rc;
	rc = create_supervisor(rt, o, err);
	if (rc == 0)
		rc = snp_writer_publish(rt->writer, err);
	if (rc == 0)
		rc = ticker_start(&rt->ticker, rt->writer, HEARTBEAT_MS, err);
	return rc;
}

int runtime_create(const struct runtime_options *options, struct runtime **ret_rt,
		   struct snp_err *err)
{
	struct runtime *rt = calloc(1, sizeof(*rt));
	int rc;

	if (!rt)
		return snp_err_set(err, -ENOMEM, "out of memory");
	rt->cfg = options->cfg;
	rc = build(rt, options, err);
	if (rc < 0) {
		runtime_destroy(&rt);
		return rc;
	}
	log_info("runtime started", LOG_STR("instance", rt->cfg->instance),
		 LOG_STR("version", SNP_VERSION),
		 LOG_STR("segment", snp_writer_path(rt->writer)),
		 LOG_STR("run_id", rt->run_id), LOG_U64("pools", rt->cfg->pools_count));
	*ret_rt = rt;
	return 0;
}

void runtime_rpc_log(enum rpc_log_level level, const char *text)
{
	/* Among them is each handshake that fails, and strangers can make many. */
	static struct log_ratelimit limit =
	    LOG_RATELIMIT("gRPC reports a problem", 10, 10000);

	if (level == RPC_LOG_ERROR && log_ratelimit(&limit))
		log_warn("gRPC reports a problem", LOG_STR("detail", text));
	else if (level != RPC_LOG_ERROR)
		log_debug("gRPC says", LOG_STR("detail", text));
}

const char *runtime_host_address(const struct runtime *rt)
{
	return rt->host_address;
}

const char *runtime_program_key(const struct runtime *rt)
{
	return rt->front.program_key;
}

struct host_tools *runtime_host_tools(struct runtime *rt)
{
	return &rt->front.host_tools;
}

void runtime_stop(struct runtime *rt)
{
	supervisor_stop(&rt->sup);
}

void runtime_forget(const struct runtime *rt)
{
	supervisor_forget(&rt->sup);
	snp_writer_forget(rt->writer);
}

void runtime_run(struct runtime *rt)
{
	rt->served = true;
	supervisor_run(&rt->sup);
	log_info("runtime stopped", LOG_STR("instance", rt->cfg->instance));
}

/* In this order: the server first, since its calls use the loops; then the links, which
 * the RCU thread lets go of; then the loops they run on. */
void runtime_destroy(struct runtime **runtime)
{
	struct runtime *rt = *runtime;

	*runtime = NULL;
	if (!rt)
		return;
	if (rt->supervised)
		supervisor_fini(&rt->sup);
	front_close(&rt->front);
	rcu_wait();
	for (uint32_t i = 0; i < rt->loops_nr; i++)
		event_loop_fini(&rt->loops[i], rt->writer);
	front_fini(&rt->front, rt->writer);
	for (uint32_t i = 0; rt->pools && i < rt->cfg->pools_count; i++)
		pool_destroy(&rt->pools[i]);
	free(rt->pools);
	held_config_unref(&rt->sup.held);
	ticker_stop(&rt->ticker);
	if (*rt->socket_dir) {
		clear_sockets(rt->socket_dir);
		(void)rmdir(rt->socket_dir);
	}
	if (rt->writer && !rt->served)
		snp_writer_set_stop_reason(rt->writer, SNP_STOP_REASON_FAILED);
	snp_writer_remove(&rt->writer);
	free(rt);
}
