/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/procid.h"

extern char **environ;

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

static void build_argv(const struct spawn_request *r, struct strings *argv)
{
	const struct spawn_site *site = r->site;
	const struct snp_cfg_pool *pool = r->pool;

	strings_add(argv, site->launcher);
	strings_addf(argv, "%d", getpid());
	strings_add(argv, spawn_python(site, pool));
	strings_add(argv, pool->script ? pool->script : site->server);
	add_pair(argv, "--adapter", pool->adapter);
	add_pair(argv, "--address", r->address);
	add_pair(argv, "--pool", pool->name);
	add_number(argv, "--slot", r->slot);
	add_pair(argv, "--worker-id", r->worker_id);
	add_pair(argv, "--snakepit-run-id", site->run_id);
	add_pair(argv, "--snakepit-instance-name", site->instance);
	add_pair(argv, "--host-address", site->host_address);
	add_number(argv, "--ready-fd", SPAWN_FD_READY);
	add_number(argv, "--lifeline-fd", SPAWN_FD_LIFELINE);
	add_number(argv, "--log-fd", SPAWN_FD_LOG);
	if (r->beat_fd >= 0)
		add_number(argv, "--beat-fd", SPAWN_FD_BEAT);
	if (r->stacks_fd >= 0)
		add_number(argv, "--stacks-fd", SPAWN_FD_STACKS);
	add_number(argv, "--max-workers",
		   pool->profile == SNP_CFG_PROFILE_THREAD ? pool->threads_per_worker
							   : 1);
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

/* PYTHONPATH: our package, the pool's folders, then what the environment had. */
static void env_set_pythonpath(struct strings *env, const struct spawn_request *r)
{
	const char *inherited = getenv("PYTHONPATH");
	char *path = NULL, *longer;

	if (asprintf(&path, "PYTHONPATH=%s", r->site->package_path) < 0)
		path = NULL;
	for (uint32_t i = 0; path && i < r->pool->pythonpath_count; i++) {
		if (asprintf(&longer, "%s:%s", path, r->pool->pythonpath[i]) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	if (path && inherited && *inherited) {
		if (asprintf(&longer, "%s:%s", path, inherited) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	env->failed |= !path;
	if (path)
		env_take(env, path);
}

/* What only the runtime of a worker may tell it: not passed on where the runtime itself
 * was started by somebody's worker. */
static int is_ours_alone(const char *entry)
{
	static const char *const names[] = {"SNAKEPIT_BEAT_LIBRARY",
					    PROCID_RUN_VARIABLE};
	int found = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found |= is_set_by(entry, names[i], strlen(names[i]));
	return found;
}

static void build_env(const struct spawn_request *r, struct strings *env)
{
	static const char run[] = PROCID_RUN_VARIABLE;
	/* One thread each: with a hundred workers BLAS would start thousands. Users who
	 * know better set them in the pool's env or the runtime's environment. */
	static const char *const thread_caps[] = {
	    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
	    "NUMEXPR_NUM_THREADS"};

	const char *beat = r->site->beat_library;
	char log_level[64];

	for (char **e = environ; *e; e++)
		if (!is_ours_alone(*e))
			strings_add(env, *e);
	strings_addf(env, "%s=%s", run, r->site->run_uuid);
	for (size_t i = 0; i < sizeof(thread_caps) / sizeof(thread_caps[0]); i++)
		if (!getenv(thread_caps[i]))
			strings_addf(env, "%s=1", thread_caps[i]);
	env_set_pythonpath(env, r);
	env_set(env, "PYTHONUNBUFFERED=1");
	(void)snprintf(log_level, sizeof(log_level), "SNAKEPIT_LOG_LEVEL=%s",
		       log_level_name(r->site->log_level));
	env_set(env, log_level);
	if (r->beat_fd >= 0 && beat && *beat)
		strings_addf(env, "SNAKEPIT_BEAT_LIBRARY=%s", beat);
	for (uint32_t i = 0; i < r->pool->env_count; i++)
		if (!is_set_by(r->pool->env[i], run, strlen(run)))
			env_set(env, r->pool->env[i]);
}

/* ---- pipes and spawning -------------------------------------------------- */

struct pipes {
	int ready[2], log[2], out[2], err[2]; /* [0] ours, [1] the child's */
};

static int pipe_open(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0) {
		fds[0] = fds[1] = -1;
		return -errno;
	}
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void pipes_close_ends(struct pipes *p, int which)
{
	close_end(p->ready[which]);
	close_end(p->log[which]);
	close_end(p->out[which]);
	close_end(p->err[which]);
}

static int pipes_open(struct pipes *p)
{
	int *all[] = {p->ready, p->log, p->out, p->err};
	int rc = 0;

	memset(p, 0xff, sizeof(*p)); /* all -1 */
	for (size_t i = 0; i < 4 && rc == 0; i++)
		rc = pipe_open(all[i]);
	if (rc < 0) {
		pipes_close_ends(p, 0);
		pipes_close_ends(p, 1);
	}
	return rc;
}

/* What the child will have at each number, by our numbers; -1 = nothing. */
struct handed {
	int at[SPAWN_FD_NR];
};

static void handed_close(struct handed *h)
{
	for (int fd = 0; fd < SPAWN_FD_NR; fd++)
		close_end(h->at[fd]);
}

/* Ours may have any number, also one of the fixed ones, so copies out of the way are
 * handed over: dup2 in the child could otherwise overwrite one that is still needed.
 */
static int handed_copy(const struct spawn_request *r, const struct pipes *p,
		       struct handed *ret)
{
	const int ours[SPAWN_FD_NR] = {
	    [0] = -1, /* opened in the child */
	    [1] = p->out[1],
	    [2] = p->err[1],
	    [SPAWN_FD_READY] = p->ready[1],
	    [SPAWN_FD_LIFELINE] = r->site->lifeline_fd,
	    [SPAWN_FD_LOG] = p->log[1],
	    [SPAWN_FD_BEAT] = r->beat_fd,
	    [SPAWN_FD_STACKS] = r->stacks_fd,
	};

	memset(ret, 0xff, sizeof(*ret)); /* all -1 */
	for (int fd = 0; fd < SPAWN_FD_NR; fd++) {
		if (ours[fd] < 0)
			continue;
		ret->at[fd] = fcntl(ours[fd], F_DUPFD_CLOEXEC, SPAWN_FD_NR);
		if (ret->at[fd] < 0) {
			int rc = -errno;

			handed_close(ret);
			return rc;
		}
	}
	return 0;
}

static int file_actions(posix_spawn_file_actions_t *fa, const struct handed *h)
{
	int rc = posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);

	for (int fd = 1; fd < SPAWN_FD_NR && rc == 0; fd++)
		rc = h->at[fd] >= 0
			 ? posix_spawn_file_actions_adddup2(fa, h->at[fd], fd)
			 : posix_spawn_file_actions_addclose(fa, fd);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(fa, SPAWN_FD_NR);
	return rc;
}

int spawn_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
							POSIX_SPAWN_SETSIGDEF |
							POSIX_SPAWN_SETPGROUP);
	return rc;
}

static int spawn_with(const struct strings *argv, const struct strings *env,
		      const struct handed *h, pid_t *ret_pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc) {
		posix_spawn_file_actions_destroy(&fa);
		return -rc;
	}
	rc = file_actions(&fa, h);
	if (rc == 0)
		rc = spawn_attributes(&attr);
	if (rc == 0)
		rc = posix_spawn(ret_pid, argv->v[0], &fa, &attr, argv->v, env->v);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -rc;
}

static int spawn_child(const struct spawn_request *r, const struct pipes *p,
		       pid_t *ret_pid)
{
	struct strings argv = {.v = NULL}, env = {.v = NULL};
	struct handed handed;
	int rc;

	build_argv(r, &argv);
	build_env(r, &env);
	rc = argv.failed || env.failed ? -ENOMEM : handed_copy(r, p, &handed);
	if (rc == 0) {
		rc = spawn_with(&argv, &env, &handed, ret_pid);
		handed_close(&handed);
	}
	strings_free(&argv);
	strings_free(&env);
	return rc;
}

int spawn_worker(const struct spawn_request *r, struct spawn_result *ret,
		 struct snp_err *err)
{
	struct pipes p;
	pid_t pid = -1;
	int pidfd, rc = pipes_open(&p);

	if (rc < 0)
		return snp_err_set(err, rc, "cannot create pipes for worker %s: %s",
				   r->worker_id, strerror(-rc));
	rc = spawn_child(r, &p, &pid);
	pipes_close_ends(&p, 1);
	if (rc < 0) {
		pipes_close_ends(&p, 0);
		return snp_err_set(err, rc, "cannot start %s for worker %s: %s",
				   r->site->launcher, r->worker_id, strerror(-rc));
	}
	/* No race: we are its parent, so the pid stays ours until we wait for it. */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		rc = snp_err_errno(err, "cannot open a pidfd for worker %s",
				   r->worker_id);
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pipes_close_ends(&p, 0);
		return rc;
	}
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	*ret = (struct spawn_result){
	    .pid = pid,
	    .pidfd = pidfd,
	    .ready_fd = p.ready[0],
	    .log_fd = p.log[0],
	    .stdout_fd = p.out[0],
	    .stderr_fd = p.err[0],
	};
	return 0;
}
