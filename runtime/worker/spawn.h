/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - start one worker process: pipes, process group, what it inherits.
 *
 * It is a child (child.h) in a process group of its own, started through
 * snakepit-launch (which sets the parent-death signal), with no descriptors but 0
 * (/dev/null), 1, 2 and those named below.
 * Call it only from a thread that lives as long as the runtime: the parent-death signal
 * is tied to that thread.
 */
#ifndef SNAKEPIT_RUNTIME_SPAWN_H
#define SNAKEPIT_RUNTIME_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "snakepit/err.h"

/* Descriptors of the native handshake, as the worker sees them. */
enum {
	SPAWN_FD_READY = 3,    /* write end: one JSON line when the worker serves */
	SPAWN_FD_LIFELINE = 4, /* read end: EOF when the runtime is gone */
	SPAWN_FD_LOG = 5,      /* write end: JSON log lines */
	SPAWN_FD_BEAT = 6,     /* the worker's own page (beat/beat_page.h) */
	SPAWN_FD_STACKS = 7,   /* a memfd for the stacks that SIGUSR1 asks for */
	SPAWN_FD_METRICS = 8,  /* a memfd for what its adapter counts (feed.h) */
	SPAWN_FD_NR
};

/* What all workers of a runtime share; strings borrowed. */
struct spawn_site {
	const char *launcher;	  /* path of snakepit-launch */
	const char *server;	  /* default grpc_server.py */
	const char *package_path; /* directory of snakepit_bridge, for PYTHONPATH */
	const char *venv_python;  /* interpreter of the installation's .venv */
	const char *beat_library; /* libsnakepit-beat.so; NULL or "": not there */
	const char *instance;
	const char *run_id;
	const char *run_uuid;	  /* by which all that belongs to the run is found */
	const char *host_address; /* "unix:..." of the front door, for calls back */
	int lifeline_fd;	  /* read end to hand down */
	enum log_level log_level;
	/* What it says of OpenTelemetry in workers, and how long they may take to
	 * leave; NULL: there is no SDK, and they keep to the default. */
	const struct snp_config *cfg;
};

struct spawn_request {
	const struct spawn_site *site;
	const struct snp_cfg_pool *pool;
	const char *worker_id;
	uint64_t number; /* of the process among the run's, from 1 (keeper.h) */
	uint32_t slot;
	/* Native: "unix:..." to serve on. */
	const char *address;
	/* Legacy: where the worker writes its port, and the host's address over TCP. */
	const char *ready_file, *legacy_host;
	int beat_fd;	/* the incarnation's page; -1 = none. Borrowed */
	int stacks_fd;	/* memfd for its stacks; -1 = none. Borrowed */
	int metrics_fd; /* memfd for its metrics; -1 = none. Borrowed */
};

struct spawn_result {
	pid_t pid;
	int pidfd;
	/* Read ends, non-blocking, close-on-exec; the caller closes them. Legacy:
	 * ready_fd is of legacy_ready_watch(), log_fd is -1. */
	int ready_fd, log_fd, stdout_fd, stderr_fd;
};

static inline bool spawn_is_legacy(const struct spawn_request *request)
{
	return request->pool->bridge == SNP_CFG_BRIDGE_LEGACY;
}

/* Start a worker. On failure nothing is left open; err says what could not be done. */
int spawn_worker(const struct spawn_request *request, struct spawn_result *ret_result,
		 struct snp_err *err);

/* The interpreter for a pool: its own `python`, $SNAKEPIT_PYTHON, .venv/bin/python3 of
 * the working directory, the installation's .venv, or "python3" from PATH. Borrowed
 * from the arguments or the environment. */
const char *spawn_python(const struct spawn_site *site,
			 const struct snp_cfg_pool *pool);

#endif
