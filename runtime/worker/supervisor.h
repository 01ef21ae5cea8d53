/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - the thread that looks after processes: starts, watches, stops,
 * replaces.
 *
 * It sleeps in one epoll: pidfds, the workers' pipes, signals, listeners, its mailbox.
 * Workers are spawned here and nowhere else, so the thread must live as long as the
 * process (the parent-death signal is tied to it): snakepitd runs it on its main
 * thread.
 *
 * What shall run is each pool's fleet's business (fleet.h), whether a worker lives that
 * of liveness.h; this is the thread they have in common.
 *
 * Stopping, in order, each step with its own timeout (config `shutdown`):
 *   DRAINING  new requests are refused, what is queued or running may finish
 *   STOPPING  what still waits is refused; SIGTERM, then SIGKILL to the workers
 *   CLOSING   the server ends its calls
 *   DONE      supervisor_run() returns
 * A second signal ends the step that is under way, and supervisor_stop() is as good as
 * a signal. SIGHUP reloads the configuration.
 */
#ifndef SNAKEPIT_RUNTIME_SUPERVISOR_H
#define SNAKEPIT_RUNTIME_SUPERVISOR_H

#include <stdatomic.h>

#include "core/reload.h"
#include "rpc/accept.h"
#include "worker/fleet.h"
#include "worker/oom.h"
#include "worker/readers.h"

enum supervisor_phase {
	SUPERVISOR_RUNNING,
	SUPERVISOR_DRAINING,
	SUPERVISOR_STOPPING,
	SUPERVISOR_CLOSING,
	SUPERVISOR_DONE,
};

struct notify;

struct supervisor_listener {
	struct watch watch;
	struct rpc_listener *listener;
};

struct supervisor {
	struct snp_writer *writer;
	struct snp_bank bank;
	struct watcher watcher;
	struct mailbox mailbox;
	struct watch mailbox_watch, signal_watch;
	int signal_fd;
	int lifeline[2]; /* workers get [0]; [1] stays ours alone */
	enum supervisor_phase phase;
	snp_mono_t phase_deadline; /* .ns == 0: none */
	bool server_stopped;	   /* while closing */
	snp_mono_t next_sample;
	uint32_t sampled; /* the worker that is next */
	struct vigil vigil;
	const struct snp_config *cfg; /* the present one */
	struct held_config *held;     /* the same */
	struct front *front;
	struct worker_site site;
	struct spawn_site spawn;
	struct oom oom;
	struct keeper keeper;
	struct legacy legacy;
	struct pool **pools;
	uint32_t pools_nr;
	struct fleet *fleets; /* one a pool */
	struct worker *workers;
	uint32_t workers_nr; /* slots of all pools */
	struct event_loop *loops;
	uint32_t loops_nr;
	struct supervisor_listener *listeners;
	uint32_t listeners_nr;
	struct mail idle_mail, stopped_mail, stop_mail;
	_Atomic bool stop_asked; /* stop_mail is on its way */
	struct reload reload;
	struct notify *notify; /* NULL: no service manager */
	struct readers readers;
};

struct supervisor_options {
	const struct snp_config *cfg;
	struct snp_writer *writer;
	struct front *front;
	struct pool **pools;
	uint32_t pools_nr;
	struct event_loop *loops; /* the workers' */
	uint32_t loops_nr;
	struct spawn_site spawn; /* without lifeline_fd */
	const char *dir;	 /* of the segment and the census */
	const char *guard;	 /* path of snakepit-guard */
	const char *socket_dir;
	/* Blocked in every thread; SIGHUP reloads, any other stops the runtime. */
	const sigset_t *signals;
	struct reload reload;
	struct notify *notify;
	const char *programs; /* directory of the readers */
};

int supervisor_init(struct supervisor *sup, const struct supervisor_options *options,
		    struct snp_err *err);

/* How far the listeners of this configuration may be heard. */
enum rpc_listen_reach supervisor_reach(const struct snp_config *cfg);

/* Listen on every address of the config, and on the one where workers find their host
 * if it is none of them; connections go to the front door. */
int supervisor_listen(struct supervisor *sup, const char *host_address,
		      struct snp_err *err);

/* Start the workers and look after them until a signal ended the runtime. */
void supervisor_run(struct supervisor *sup);

/* Any thread: what a signal to end does, step by step. */
void supervisor_stop(struct supervisor *sup);

/* In the child of a fork: close what says to others that the runtime lives. */
void supervisor_forget(const struct supervisor *sup);

/* All processes are gone or lost; what a lost one holds (link, pidfd, pipes) stays
 * until this process ends. `held` stays for the front door: the caller lets go of it
 * after that. */
void supervisor_fini(struct supervisor *sup);

#endif
