/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a worker: created, watched, or given up at once. */
#define LOG_COMPONENT "worker"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log.h"
#include "worker/worker_parts.h"

static void on_output_readable(struct watch *watch)
{
	struct output *out = watch->user;

	if (output_read(out))
		return;
	/* The watcher is reached through the worker the output belongs to. */
	struct worker *w = (struct worker *)(void *)((char *)(out - out->kind) -
						     offsetof(struct worker, output));

	watch_remove(w->site->watcher, watch);
	output_fini(out);
}

static int watch_process(struct worker *w, const struct spawn_result *spawned)
{
	const int fds[OUTPUT_NR] = {
	    [OUTPUT_LOG] = spawned->log_fd,
	    [OUTPUT_STDOUT] = spawned->stdout_fd,
	    [OUTPUT_STDERR] = spawned->stderr_fd,
	};
	int rc = ending_begin(w, spawned->pidfd);

	if (rc == 0)
		rc = boot_begin(w, spawned->ready_fd);
	for (int i = 0; i < OUTPUT_NR; i++) {
		output_init(&w->output[i], (enum output_kind)i, fds[i], w->id,
			    w->site->relay_output);
		if (rc == 0 && fds[i] >= 0)
			rc = watch_add(w->site->watcher, &w->output_watch[i], fds[i],
				       on_output_readable, &w->output[i]);
	}
	return rc;
}

/* epoll had no room for it: a process that cannot be watched is not kept. */
static void give_up_process(struct worker *w, const struct spawn_result *spawned)
{
	(void)kill(-spawned->pid, SIGKILL);
	(void)waitpid(spawned->pid, NULL, 0);
	watch_remove(w->site->watcher, &w->pidfd);
	watch_remove(w->site->watcher, &w->ready_pipe);
	close(spawned->pidfd);
	close(spawned->ready_fd);
	ending_close_pipes(w);
}

static void begin_incarnation(struct worker *w, const struct worker_start *start)
{
	w->incarnation++;
	w->cfg = start->cfg;
	w->started = snp_mono_now();
	w->started_wall = snp_wall_now();
	w->ready.ns = 0;
	w->deadline.ns = 0;
	w->intent = SNP_EXIT_REASON_NR;
	w->why = SNP_MOVE_REASON_NONE;
	w->fenced = w->mute = false;
	w->start_failure = SNP_START_FAILURE_EXITED;
	w->start_error[0] = '\0';
	w->hello_len = 0;
	w->requests_before = snp_get(w->cells->hot.worker_requests);
	w->errors_before = snp_get(w->cells->hot.worker_errors);
	snp_set(w->cells->sup.capacity, snp_cfg_pool_capacity(w->cfg));
	snp_set(w->cells->sup.worker_generation, start->generation);
	(void)snprintf(w->id, sizeof(w->id), "%s/%u#%llu", w->cfg->name, w->slot,
		       (unsigned long long)w->incarnation);
}

static void prepare_feed(struct worker *w)
{
	struct snp_err err = {0};

	feed_init(&w->feed);
	if (w->cfg->bridge == SNP_CFG_BRIDGE_NATIVE && w->site->takes_feeds &&
	    feed_create(&w->feed, &err) < 0)
		log_warn("what the adapter of a worker counts is not shown",
			 LOG_STR("worker", w->id), LOG_STR("error", err.msg));
}

static void spawn_failed(struct worker *w, const struct snp_err *err)
{
	liveness_end(w);
	worker_end_feed(w);
	snp_add(&worker_pool_cells(w)->start_failures[SNP_START_FAILURE_SPAWN_FAILED],
		1);
	snp_worker_text_set(w->site->writer, w->row, err->msg);
	log_error("cannot start a worker, trying again after a pause",
		  LOG_STR("worker", w->id), LOG_STR("error", err->msg));
	worker_back_off(w, MACHINE_FAILED);
}

/* Where it will serve, or say where it does. */
static int choose_place(struct worker *w, struct spawn_request *request,
			struct snp_err *err)
{
	int rc;

	if (!spawn_is_legacy(request)) {
		(void)snprintf(w->path, sizeof(w->path), "%s/%u.%llu.sock",
			       w->site->socket_dir, w->row,
			       (unsigned long long)w->incarnation);
		(void)snprintf(w->address, sizeof(w->address), "unix:%s", w->path);
		request->address = w->address;
		return 0;
	}
	w->address[0] = '\0';
	rc = legacy_ready_name(w->site->socket_dir, w->path, sizeof(w->path));
	if (rc < 0)
		return snp_err_set(err, rc, "cannot name the ready file of worker %s",
				   w->id);
	request->ready_file = w->path;
	return legacy_host_address(w->site->legacy, &request->legacy_host, err);
}

/* Create the process and watch it, or neither. */
static int create_process(struct worker *w, struct snp_err *err)
{
	struct spawn_request request = {
	    .site = w->site->spawn,
	    .pool = w->cfg,
	    .worker_id = w->id,
	    .number = keeper_number(w->site->keeper),
	    .slot = w->slot,
	    .beat_fd = w->live.beat.page_fd,
	    .stacks_fd = w->live.beat.stacks_fd,
	    .metrics_fd = w->feed.fd,
	};
	struct spawn_result spawned = {0};
	int rc = choose_place(w, &request, err);

	if (rc == 0)
		rc = spawn_worker(&request, &spawned, err);
	if (rc < 0)
		return rc;
	rc = watch_process(w, &spawned);
	if (rc < 0) {
		give_up_process(w, &spawned);
		return snp_err_set(err, rc, "cannot watch worker %s: %s", w->id,
				   strerror(-rc));
	}
	w->pid = spawned.pid;
	keeper_add(w->site->keeper, w->pid, request.number);
	return 0;
}

void worker_start(struct worker *w, const struct worker_start *start)
{
	struct snp_err err = {0};

	begin_incarnation(w, start);
	(void)worker_event(w, MACHINE_START, start->why);
	liveness_prepare(w);
	prepare_feed(w);
	if (create_process(w, &err) < 0) {
		spawn_failed(w, &err);
		return;
	}
	liveness_begin(w);
	feed_handed_down(&w->feed);
	heads_start(&w->pool->heads, start->reason);
	if (start->reason == SNP_START_REASON_RESTART)
		snp_add(w->cells->sup.restarts, 1);
	worker_publish_process(w);
	(void)worker_event(w, MACHINE_SPAWNED, SNP_MOVE_REASON_SPAWNED);
}
