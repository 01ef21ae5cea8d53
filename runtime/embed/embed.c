/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a runtime inside a program. */
#define LOG_COMPONENT "embed"
#include "embed/embed.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"

/* How long a step of a stop that is cut short has. */
#define CUT_SHORT_MS 500

/* ---- what all runtimes of a process share -------------------------------- */

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
/* protected by process_lock */
static struct snp_runtime *all;
static int log_fd = -1;
static bool is_set_up;

void snp_runtime_log(int fd)
{
	pthread_mutex_lock(&process_lock);
	log_fd = fd;
	pthread_mutex_unlock(&process_lock);
}

/* A fork waits for whoever holds the lock: in the child nobody would give it back. */
static void before_fork(void)
{
	pthread_mutex_lock(&process_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&process_lock);
}

/* In the child of a fork nobody may believe that its copies hold anything: as long as
 * it lives, the lifeline and the lock of the segment would look held by the parent. */
static void in_child(void)
{
	for (struct snp_runtime *rt = all; rt; rt = rt->next)
		if (rt->runtime)
			runtime_forget(rt->runtime);
	pthread_mutex_unlock(&process_lock);
}

/* The library stays as long as the process: gRPC's own end can take seconds. */
static void set_up_process(const struct snp_config *cfg)
{
	pthread_mutex_lock(&process_lock);
	if (!is_set_up) {
		is_set_up = true;
		log_init(cfg->log.level, cfg->log.format, log_fd);
		rpc_init(runtime_rpc_log);
		(void)pthread_atfork(before_fork, in_parent, in_child);
	}
	log_set_level(cfg->log.level);
	log_set_format(cfg->log.format);
	pthread_mutex_unlock(&process_lock);
}

static void enlist(struct snp_runtime *rt)
{
	pthread_mutex_lock(&process_lock);
	rt->next = all;
	all = rt;
	pthread_mutex_unlock(&process_lock);
}

static void delist(const struct snp_runtime *rt)
{
	struct snp_runtime **link = &all;

	pthread_mutex_lock(&process_lock);
	while (*link && *link != rt)
		link = &(*link)->next;
	if (*link)
		*link = rt->next;
	pthread_mutex_unlock(&process_lock);
}

/* ---- whose it is --------------------------------------------------------- */

/* Whose callback this thread is in; NULL: in none. */
static _Thread_local const struct snp_runtime *called_by;

const struct snp_runtime *embed_callback_begin(const struct snp_runtime *rt)
{
	const struct snp_runtime *before = called_by;

	called_by = rt;
	return before;
}

void embed_callback_end(const struct snp_runtime *before)
{
	called_by = before;
}

int embed_check(const struct snp_runtime *rt, struct snp_err *err)
{
	if (!rt)
		return snp_err_set(err, -EINVAL, "expected a runtime, not NULL");
	/* Its threads are not here, and its lock may be held by one of them for ever.
	 */
	if (rt->owner != getpid())
		return snp_err_set(err, -EPERM,
				   "the runtime is that of the process that made it, "
				   "not of its fork");
	return 0;
}

/* ---- create -------------------------------------------------------------- */

static int load(struct snp_runtime *rt, const struct snp_runtime_options *options,
		struct snp_err *err)
{
	const char *name = options->config_file ? options->config_file : "config_text";
	int rc;

	if (!options->config_file == !options->config_text)
		return snp_err_set(err, -EINVAL,
				   "expected either config_file or config_text");
	if (options->config_file) {
		rt->file = strdup(options->config_file);
		if (!rt->file)
			return snp_err_set(err, -ENOMEM, "out of memory");
		rc = snp_config_load(rt->file, &rt->cfg, err);
	} else {
		rc =
		    snp_config_parse(options->config_text, strlen(options->config_text),
				     name, &rt->cfg, err);
	}
	return rc < 0 ? rc : runtime_check(rt->cfg, name, err);
}

static int build(struct snp_runtime *rt, const struct snp_runtime_options *options,
		 struct snp_err *err)
{
	const struct rpc_channel_opts limits = {
	    .max_message_bytes = rt->cfg->limits.max_message_mb << 20,
	    .max_metadata_bytes = rt->cfg->limits.max_metadata_kb << 10,
	};
	sigset_t none;
	const struct runtime_options inner = {
	    .cfg = rt->cfg,
	    .file = rt->file,
	    .signals = &none,
	    .programs = options->programs,
	};
	int rc;

	sigemptyset(&none);
	rc = runtime_create(&inner, &rt->runtime, err);
	if (rc == 0)
		rc = rpc_loop_create("snp-embed", NULL, NULL, &rt->loop, err);
	if (rc == 0)
		rc = rpc_channel_create(runtime_host_address(rt->runtime), &limits,
					&rt->channel, err);
	return rc;
}

/* Threads take over the mask of who makes them, and ours hear no signal. */
static void block_signals(sigset_t *ret_before)
{
	sigset_t everything;

	sigfillset(&everything);
	(void)pthread_sigmask(SIG_SETMASK, &everything, ret_before);
}

int snp_runtime_create(const struct snp_runtime_options *options,
		       struct snp_runtime **ret_runtime, struct snp_err *err)
{
	struct snp_runtime *rt;
	sigset_t before;
	int rc;

	if (!options || !ret_runtime)
		return snp_err_set(err, -EINVAL,
				   "expected options and a place for the runtime");
	rt = calloc(1, sizeof(*rt));
	if (!rt)
		return snp_err_set(err, -ENOMEM, "out of memory");
	rt->owner = getpid();
	pthread_mutex_init(&rt->lock, NULL);
	pthread_cond_init(&rt->changed, NULL);
	rc = load(rt, options, err);
	if (rc == 0) {
		block_signals(&before);
		set_up_process(rt->cfg);
		rc = build(rt, options, err);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	enlist(rt);
	if (rc < 0) {
		snp_runtime_destroy(&rt);
		return rc;
	}
	*ret_runtime = rt;
	return 0;
}

const char *snp_runtime_instance(const struct snp_runtime *rt)
{
	return rt ? rt->cfg->instance : "";
}

/* ---- start and stop ------------------------------------------------------ */

static void set_state(struct snp_runtime *rt, enum embed_state state)
{
	pthread_mutex_lock(&rt->lock);
	rt->state = state;
	pthread_cond_broadcast(&rt->changed);
	pthread_mutex_unlock(&rt->lock);
}

static void *supervise(void *arg)
{
	struct snp_runtime *rt = arg;

	runtime_run(rt->runtime);
	set_state(rt, EMBED_STOPPED);
	return NULL;
}

int snp_runtime_start(struct snp_runtime *rt, struct snp_err *err)
{
	sigset_t before;
	int rc = embed_check(rt, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	if (rt->state != EMBED_CREATED) {
		rc = -EALREADY;
	} else {
		block_signals(&before);
		rc = -pthread_create(&rt->thread, NULL, supervise, rt);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (rc == 0) {
		rt->joinable = true;
		rt->state = EMBED_RUNNING;
	}
	pthread_mutex_unlock(&rt->lock);
	return rc < 0 ? snp_err_set(err, rc, "cannot start runtime '%s': %s",
				    rt->cfg->instance, strerror(-rc))
		      : 0;
}

static struct timespec in_ms(uint64_t ms)
{
	struct timespec at;
	uint64_t ns;

	clock_gettime(CLOCK_REALTIME, &at);
	ns = (uint64_t)at.tv_nsec + (ms % 1000) * SNP_NS_PER_MS;
	at.tv_sec += (time_t)(ms / 1000 + ns / SNP_NS_PER_S);
	at.tv_nsec = (long)(ns % SNP_NS_PER_S);
	return at;
}

/* With the lock held: false when the time is over first. */
static bool wait_stopped(struct snp_runtime *rt, uint64_t timeout_ms)
{
	struct timespec until = in_ms(timeout_ms);
	int rc = 0;

	while (rt->state != EMBED_STOPPED && rc != ETIMEDOUT)
		rc = timeout_ms
			 ? pthread_cond_timedwait(&rt->changed, &rt->lock, &until)
			 : pthread_cond_wait(&rt->changed, &rt->lock);
	return rt->state == EMBED_STOPPED;
}

int snp_runtime_stop(struct snp_runtime *rt, uint64_t timeout_ms)
{
	int rc = embed_check(rt, NULL);

	if (rc < 0)
		return rc;
	/* It would wait for the end of what it is called from. */
	if (called_by == rt)
		return -EDEADLK;
	pthread_mutex_lock(&rt->lock);
	if (rt->state == EMBED_CREATED)
		rt->state = EMBED_STOPPED; /* nothing ran */
	if (rt->state == EMBED_RUNNING) {
		rt->state = EMBED_STOPPING;
		runtime_stop(rt->runtime);
	}
	if (!wait_stopped(rt, timeout_ms))
		rc = -ETIMEDOUT;
	/* Each further word ends the step that is under way. */
	while (rt->state != EMBED_STOPPED) {
		runtime_stop(rt->runtime);
		(void)wait_stopped(rt, CUT_SHORT_MS);
	}
	pthread_mutex_unlock(&rt->lock);
	return rc;
}

/* ---- calls --------------------------------------------------------------- */

int embed_call_begin(struct snp_runtime *rt, struct snp_err *err)
{
	int rc = 0;

	pthread_mutex_lock(&rt->lock);
	if (rt->state == EMBED_RUNNING)
		rt->calls++;
	else
		rc = -ESHUTDOWN;
	pthread_mutex_unlock(&rt->lock);
	return rc < 0 ? snp_err_set(err, rc, "runtime '%s' does not run",
				    rt->cfg->instance)
		      : 0;
}

void embed_call_end(struct snp_runtime *rt)
{
	pthread_mutex_lock(&rt->lock);
	if (--rt->calls == 0)
		pthread_cond_broadcast(&rt->changed);
	pthread_mutex_unlock(&rt->lock);
}

/* The server is gone, so they are all about to end. */
static void wait_calls(struct snp_runtime *rt)
{
	pthread_mutex_lock(&rt->lock);
	while (rt->calls > 0)
		pthread_cond_wait(&rt->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
}

/* ---- destroy ------------------------------------------------------------- */

void snp_runtime_destroy(struct snp_runtime **runtime)
{
	struct snp_runtime *rt = runtime ? *runtime : NULL;

	if (!rt || called_by == rt)
		return;
	*runtime = NULL;
	delist(rt);
	if (rt->owner != getpid())
		return; /* the threads it would wait for are the parent's */
	if (rt->runtime)
		(void)snp_runtime_stop(rt, 0);
	if (rt->joinable)
		(void)pthread_join(rt->thread, NULL);
	wait_calls(rt);
	rpc_channel_destroy(&rt->channel);
	if (rt->loop)
		rpc_loop_destroy(&rt->loop);
	runtime_destroy(&rt->runtime);
	embed_offers_free(rt);
	snp_config_destroy(&rt->cfg);
	pthread_cond_destroy(&rt->changed);
	pthread_mutex_destroy(&rt->lock);
	free(rt->file);
	free(rt);
}
