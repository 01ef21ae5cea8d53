/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "supervisor"
#include "worker/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/notify.h"
#include "core/thread.h"
#include "log/log.h"
#include "snakepit/check.h"
#include "snakepit/read.h" /* snp_enum_text */

#define SAMPLE_MS 1000
/* A look at a process costs 10 us: of more than these, each waits for its turn. */
#define SAMPLES_AT_ONCE 250
#define CLOSE_GRACE_MS	200
#define READERS_END_MS	3000 /* readers.c kills those that will not end before */
#define STOP_SLACK_MS	8000 /* closing, what the guard still finds, a busy machine */
#define LIFELINE_FD_MIN                                                                \
	10 /* above the fixed descriptors of the handshake (spawn.h)                   \
	    */

static struct supervisor *of_idle(struct mail *mail)
{
	return (struct supervisor *)(void *)((char *)mail -
					     offsetof(struct supervisor, idle_mail));
}

static struct supervisor *of_stop(struct mail *mail)
{
	return (struct supervisor *)(void *)((char *)mail -
					     offsetof(struct supervisor, stop_mail));
}

static struct supervisor *of_stopped(struct mail *mail)
{
	return (struct supervisor *)(void *)((char *)mail -
					     offsetof(struct supervisor, stopped_mail));
}

/* ---- stopping ------------------------------------------------------------ */

static void event(struct supervisor *sup, enum snp_enum_EVENT_KIND kind,
		  enum snp_enum_INITIATOR initiator)
{
	const struct snp_event_fields fields = {.kind = kind, .initiator = initiator};

	snp_event_record(&sup->bank, &fields, snp_mono_now());
}

static void on_stopped_mail(struct mail *mail)
{
	of_stopped(mail)->server_stopped = true;
}

/* On the front door's loop. */
static void on_server_stopped(void *user)
{
	struct supervisor *sup = user;

	sup->stopped_mail.fn = on_stopped_mail;
	mailbox_post(&sup->mailbox, &sup->stopped_mail);
}

static void enter_closing(struct supervisor *sup)
{
	static const struct snp_cfg_readers none;

	sup->phase = SUPERVISOR_CLOSING;
	readers_apply(&sup->readers, &none);
	sup->phase_deadline = snp_mono_add_ms(snp_mono_now(), READERS_END_MS);
	front_shutdown(sup->front, CLOSE_GRACE_MS, on_server_stopped, sup);
}

static void set_mode(struct supervisor *sup, enum fleet_mode mode)
{
	for (uint32_t i = 0; i < sup->pools_nr; i++)
		fleet_set_mode(&sup->fleets[i], mode);
}

static void enter_stopping(struct supervisor *sup)
{
	sup->phase = SUPERVISOR_STOPPING;
	sup->phase_deadline.ns = 0; /* each worker has its own deadlines */
	front_drop_queues(sup->front);
	set_mode(sup, FLEET_STOPPING);
}

static void on_idle_mail(struct mail *mail)
{
	struct supervisor *sup = of_idle(mail);

	if (sup->phase == SUPERVISOR_DRAINING)
		enter_stopping(sup);
}

/* On the front door's loop. */
static void on_front_idle(void *user)
{
	struct supervisor *sup = user;

	sup->idle_mail.fn = on_idle_mail;
	mailbox_post(&sup->mailbox, &sup->idle_mail);
}

static void close_listeners(struct supervisor *sup)
{
	for (uint32_t i = 0; i < sup->listeners_nr; i++) {
		watch_remove(&sup->watcher, &sup->listeners[i].watch);
		rpc_listener_destroy(&sup->listeners[i].listener);
	}
	legacy_close(&sup->legacy);
	sup->listeners_nr = 0;
}

static uint64_t stop_budget_ms(const struct snp_cfg_shutdown *cfg)
{
	return (uint64_t)cfg->drain_timeout_ms + cfg->stop_timeout_ms +
	       cfg->kill_timeout_ms + STOP_SLACK_MS;
}

static void enter_draining(struct supervisor *sup)
{
	sup->phase = SUPERVISOR_DRAINING;
	sup->phase_deadline =
	    snp_mono_add_ms(snp_mono_now(), sup->cfg->shutdown.drain_timeout_ms);
	snp_writer_set_stop_reason(sup->writer, SNP_STOP_REASON_REQUESTED);
	snp_writer_set_draining(sup->writer);
	notify_stopping(sup->notify, stop_budget_ms(&sup->cfg->shutdown));
	event(sup, SNP_EVENT_KIND_RUNTIME_STOPPING, SNP_INITIATOR_OPERATOR);
	close_listeners(sup);
	set_mode(sup, FLEET_FINISHING);
	front_drain(sup->front, on_front_idle, sup);
}

static void kill_all(struct supervisor *sup)
{
	for (uint32_t i = 0; i < sup->workers_nr; i++)
		worker_kill(&sup->workers[i], SNP_EXIT_REASON_SHUTDOWN,
			    SNP_MOVE_REASON_SHUTDOWN);
}

/* The first word stops; each further one ends the step that is under way. */
static void stop_step(struct supervisor *sup)
{
	if (sup->phase == SUPERVISOR_RUNNING)
		enter_draining(sup);
	else if (sup->phase == SUPERVISOR_DRAINING)
		enter_stopping(sup);
	else if (sup->phase == SUPERVISOR_STOPPING)
		kill_all(sup);
}

static void on_signal(struct watch *watch)
{
	struct supervisor *sup = watch->user;
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload_on_signal(sup);
		return;
	}
	log_info(sup->phase == SUPERVISOR_RUNNING ? "stopping" : "stopping faster",
		 LOG_STR("signal", strsignal((int)info.ssi_signo)),
		 LOG_U64("from_pid", info.ssi_pid));
	stop_step(sup);
}

static void on_stop_mail(struct mail *mail)
{
	struct supervisor *sup = of_stop(mail);

	/* Cleared first: who asks from here on means the next step. */
	atomic_store(&sup->stop_asked, false);
	log_info(sup->phase == SUPERVISOR_RUNNING ? "stopping" : "stopping faster",
		 LOG_STR("asked_by", "program"));
	stop_step(sup);
}

void supervisor_stop(struct supervisor *sup)
{
	if (atomic_exchange(&sup->stop_asked, true))
		return;
	sup->stop_mail.fn = on_stop_mail;
	mailbox_post(&sup->mailbox, &sup->stop_mail);
}

void supervisor_forget(const struct supervisor *sup)
{
	if (sup->lifeline[1] >= 0)
		(void)close(sup->lifeline[1]);
	for (uint32_t i = 0; i < sup->listeners_nr; i++)
		rpc_listener_forget(sup->listeners[i].listener);
	keeper_forget(&sup->keeper);
}

/* ---- workers ------------------------------------------------------------- */

static void sample_workers(struct supervisor *sup, snp_mono_t now)
{
	if (now.ns < sup->next_sample.ns)
		return;
	sup->next_sample = snp_mono_add_ms(now, SAMPLE_MS);
	for (uint32_t i = 0, n = 0; i < sup->workers_nr && n < SAMPLES_AT_ONCE; i++) {
		n += worker_sample(&sup->workers[sup->sampled]);
		sup->sampled = (sup->sampled + 1) % sup->workers_nr;
	}
	oom_look(&sup->oom);
	snp_set(sup->bank.proc->log_dropped, log_dropped());
}

/* ---- the service manager ------------------------------------------------- */

static uint32_t count_ready(const struct supervisor *sup, const struct pool *pool)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sup->workers_nr; i++)
		n += sup->workers[i].pool == pool &&
		     sup->workers[i].state == SNP_WORKER_STATE_READY;
	return n;
}

static void tell_manager(struct supervisor *sup, snp_mono_t now)
{
	struct notify_state state = {.serving = true};

	if (!sup->notify)
		return;
	for (uint32_t i = 0; i < sup->pools_nr; i++) {
		uint32_t ready = count_ready(sup, sup->pools[i]);

		state.serving = state.serving && ready > 0;
		state.workers_ready += ready;
		state.workers_wanted += sup->fleets[i].target;
	}
	notify_turn(sup->notify, sup->phase == SUPERVISOR_RUNNING ? &state : NULL, now);
}

/* ---- turning ------------------------------------------------------------- */

static snp_mono_t earlier(snp_mono_t a, snp_mono_t b)
{
	return a.ns < b.ns ? a : b;
}

static bool all_gone(const struct supervisor *sup)
{
	for (uint32_t i = 0; i < sup->workers_nr; i++)
		if (!worker_is_gone(&sup->workers[i]))
			return false;
	return true;
}

/* Whether the front door is, and the readers have said their last or had the time. */
static bool is_closed(struct supervisor *sup, snp_mono_t now)
{
	if (now.ns >= sup->phase_deadline.ns)
		sup->phase_deadline.ns = 0;
	return sup->server_stopped &&
	       (!sup->phase_deadline.ns || readers_gone(&sup->readers));
}

/* Do what is due; returns when something will be. */
static snp_mono_t tend(struct supervisor *sup)
{
	snp_mono_t now = snp_mono_now(), next;

	sample_workers(sup, now);
	tell_manager(sup, now);
	keeper_turn(&sup->keeper, now);
	if (sup->phase == SUPERVISOR_DRAINING && now.ns >= sup->phase_deadline.ns)
		enter_stopping(sup);
	for (uint32_t i = 0; i < sup->pools_nr; i++)
		if (sup->fleets[i].dirty || now.ns >= sup->fleets[i].next.ns)
			(void)fleet_tend(&sup->fleets[i], now);
	next = earlier(sup->next_sample,
		       liveness_turn(&sup->vigil, sup->workers, sup->workers_nr, now));
	next = earlier(next, notify_next(sup->notify));
	next = earlier(next, readers_turn(&sup->readers, now));
	if (sup->phase_deadline.ns)
		next = earlier(next, sup->phase_deadline);
	for (uint32_t i = 0; i < sup->pools_nr; i++)
		next = earlier(next, sup->fleets[i].dirty ? now : sup->fleets[i].next);
	if (sup->phase == SUPERVISOR_STOPPING && all_gone(sup))
		enter_closing(sup);
	if (sup->phase == SUPERVISOR_CLOSING && is_closed(sup, now)) {
		sup->phase = SUPERVISOR_DONE;
		return now;
	}
	return next;
}

/* ---- the last words ------------------------------------------------------ */

/* "signal 1, shutdown 4": the ends of all workers by their reasons. */
static void sum_exits(const struct supervisor *sup, char *ret_text, size_t size)
{
	size_t len = 0;

	*ret_text = '\0';
	for (unsigned reason = 0; reason < SNP_EXIT_REASON_NR; reason++) {
		uint64_t n = 0;

		for (uint32_t i = 0; i < sup->pools_nr; i++)
			n += sup->pools[i]->heads.now.exits[reason];
		if (n && len < size)
			len += (size_t)snprintf(
			    ret_text + len, size - len, "%s%s %llu", len ? ", " : "",
			    snp_enum_text(SNP_ENUM_TABLE_EXIT_REASON, reason),
			    (unsigned long long)n);
	}
}

static void report_ends(const struct supervisor *sup)
{
	uint64_t lost = 0;
	uint32_t left = 0;
	char exits[256];

	for (uint32_t i = 0; i < sup->loops_nr; i++)
		lost += snp_get(&sup->loops[i].calls_lost);
	for (uint32_t i = 0; i < sup->workers_nr; i++)
		left += sup->workers[i].state == SNP_WORKER_STATE_LOST;
	sum_exits(sup, exits, sizeof(exits));
	log_info("workers ended", LOG_STR("reasons", exits),
		 LOG_U64("requests_lost", lost), LOG_U64("unkillable", left));
}

void supervisor_run(struct supervisor *sup)
{
	thread_begin(&sup->bank);
	event(sup, SNP_EVENT_KIND_RUNTIME_STARTED, SNP_INITIATOR_OPERATOR);
	readers_apply(&sup->readers, &sup->cfg->readers);
	while (sup->phase != SUPERVISOR_DONE)
		watcher_turn(&sup->watcher, tend(sup));
	report_ends(sup);
	event(sup, SNP_EVENT_KIND_RUNTIME_STOPPED, SNP_INITIATOR_OPERATOR);
	thread_end(&sup->bank);
}

/* ---- listeners ----------------------------------------------------------- */

static void on_unix_connection(void *user, int fd)
{
	front_add_connection(user, fd, FRONT_UNIX);
}

static void on_tcp_connection(void *user, int fd)
{
	front_add_connection(user, fd, FRONT_TCP);
}

static void on_listener_readable(struct watch *watch)
{
	struct supervisor_listener *l = watch->user;

	rpc_listener_on_readable(l->listener);
}

enum rpc_listen_reach supervisor_reach(const struct snp_config *cfg)
{
	return cfg->tls || cfg->listen_insecure ? RPC_LISTEN_ANYWHERE
						: RPC_LISTEN_LOOPBACK;
}

/* Whoever may run tools may run what they like: that must not go unnoticed. */
static void warn_of_strangers(const struct supervisor *sup, const char *address)
{
	if (rpc_listener_check(address, RPC_LISTEN_LOOPBACK, NULL) == 0 ||
	    (sup->cfg->tls && sup->cfg->tls->client_ca))
		return;
	log_warn("anyone who can reach this address may run tools; set tls.client_ca "
		 "to let in only clients with a certificate",
		 LOG_STR("address", address), LOG_BOOL("tls", sup->cfg->tls != NULL));
}

static int listen_on(struct supervisor *sup, const char *address, struct snp_err *err)
{
	const bool is_unix = strncmp(address, "unix:", 5) == 0;
	const struct rpc_listener_opts opts = {
	    .reach = supervisor_reach(sup->cfg),
	    /* Each worker may call back, and takes none of the clients' places. */
	    .max_connections = RPC_LISTENER_CONNECTIONS_DEFAULT + sup->workers_nr,
	    .on_connection = is_unix ? on_unix_connection : on_tcp_connection,
	    .user = sup->front,
	};
	struct supervisor_listener *l = &sup->listeners[sup->listeners_nr];
	int rc;

	l->watch.fd = -1;
	rc = rpc_listener_create(address, &opts, &l->listener, err);
	if (rc < 0)
		return rc;
	sup->listeners_nr++;
	rc = watch_add(&sup->watcher, &l->watch, rpc_listener_fd(l->listener),
		       on_listener_readable, l);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot watch %s: %s", address,
				   strerror(-rc));
	log_info("listening", LOG_STR("address", rpc_listener_address(l->listener)),
		 LOG_BOOL("tls", !is_unix && sup->cfg->tls));
	warn_of_strangers(sup, address);
	return 0;
}

int supervisor_listen(struct supervisor *sup, const char *host_address,
		      struct snp_err *err)
{
	bool is_heard = false;
	int rc = 0;

	for (uint32_t i = 0; i < sup->cfg->listen_count && rc == 0; i++) {
		rc = listen_on(sup, sup->cfg->listen[i], err);
		is_heard |= strcmp(sup->cfg->listen[i], host_address) == 0;
	}
	return rc < 0 || is_heard ? rc : listen_on(sup, host_address, err);
}

/* ---- lifetime ------------------------------------------------------------ */

static void on_mail_readable(struct watch *watch)
{
	struct supervisor *sup = watch->user;

	mailbox_drain(&sup->mailbox);
}

static int open_lifeline(struct supervisor *sup, struct snp_err *err)
{
	int fds[2], high;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return snp_err_errno(err, "cannot create the lifeline pipe");
	high = fcntl(fds[0], F_DUPFD_CLOEXEC, LIFELINE_FD_MIN);
	close(fds[0]);
	sup->lifeline[0] = high;
	sup->lifeline[1] = fds[1];
	return high < 0 ? snp_err_errno(err, "cannot create the lifeline pipe") : 0;
}

static int open_ears(struct supervisor *sup, const sigset_t *signals,
		     struct snp_err *err)
{
	int rc = watcher_init(&sup->watcher, err);

	if (rc == 0)
		rc = mailbox_init(&sup->mailbox, err);
	if (rc < 0)
		return rc;
	sup->watcher.bank = &sup->bank;
	sup->signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sup->signal_fd < 0)
		return snp_err_errno(err, "cannot create a signalfd");
	rc = watch_add(&sup->watcher, &sup->mailbox_watch, sup->mailbox.fd,
		       on_mail_readable, sup);
	if (rc == 0)
		rc = watch_add(&sup->watcher, &sup->signal_watch, sup->signal_fd,
			       on_signal, sup);
	return rc < 0 ? snp_err_set(err, rc, "cannot watch signals: %s", strerror(-rc))
		      : 0;
}

static int create_fleets(struct supervisor *sup, struct snp_err *err)
{
	struct worker *workers = sup->workers;
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t p = 0; p < sup->pools_nr && rc == 0; p++) {
		struct pool *pool = sup->pools[p];

		for (uint32_t i = 0; i < pool->slots_nr; i++, n++)
			worker_init(&workers[i], &sup->site, pool, i,
				    &sup->loops[n % sup->loops_nr]);
		rc = fleet_init(&sup->fleets[p], &sup->site, pool, workers, sup->held,
				err);
		workers += pool->slots_nr;
	}
	return rc;
}

static int create_workers(struct supervisor *sup, struct snp_err *err)
{
	SNP_CHECK(sup->pools_nr > 0); /* the config's promise, as are workers */
	for (uint32_t i = 0; i < sup->pools_nr; i++)
		sup->workers_nr += sup->pools[i]->slots_nr;
	SNP_CHECK(sup->workers_nr > 0);
	sup->held = held_config_borrow(sup->cfg);
	sup->workers = calloc(sup->workers_nr, sizeof(*sup->workers));
	sup->fleets = calloc(sup->pools_nr, sizeof(*sup->fleets));
	sup->listeners = calloc(sup->cfg->listen_count + 1, sizeof(*sup->listeners));
	if (!sup->held || !sup->workers || !sup->fleets || !sup->listeners)
		return snp_err_set(err, -ENOMEM, "out of memory for %u workers",
				   sup->workers_nr);
	return create_fleets(sup, err);
}

static void make_site(struct supervisor *sup, const struct supervisor_options *o)
{
	sup->site = (struct worker_site){
	    .writer = o->writer,
	    .bank = &sup->bank,
	    .watcher = &sup->watcher,
	    .mailbox = &sup->mailbox,
	    .front = o->front,
	    .oom = &sup->oom,
	    .moved = fleet_moved,
	    .keeper = &sup->keeper,
	    .legacy = &sup->legacy,
	    .spawn = &sup->spawn,
	    .shutdown = &o->cfg->shutdown,
	    .telemetry = &o->cfg->telemetry.events,
	    .limits = {.max_message_bytes = o->cfg->limits.max_message_mb << 20,
		       .max_metadata_bytes = o->cfg->limits.max_metadata_kb << 10},
	    .socket_dir = o->socket_dir,
	    .relay_output = o->cfg->log.python_output,
	    .takes_feeds = o->cfg->segment.max_adapter_metrics > 0,
	};
}

int supervisor_init(struct supervisor *sup, const struct supervisor_options *o,
		    struct snp_err *err)
{
	int rc;

	*sup = (struct supervisor){
	    .writer = o->writer,
	    .cfg = o->cfg,
	    .front = o->front,
	    .pools = o->pools,
	    .pools_nr = o->pools_nr,
	    .loops = o->loops,
	    .loops_nr = o->loops_nr,
	    .spawn = o->spawn,
	    .reload = o->reload,
	    .notify = o->notify,
	    .signal_fd = -1,
	    .lifeline = {-1, -1},
	    .watcher.epoll_fd = -1,
	    .mailbox.fd = -1,
	    .keeper = KEEPER_INIT,
	};
	readers_init(&sup->readers, &(struct readers_options){
					.watcher = &sup->watcher,
					.bank = &sup->bank,
					.launcher = o->spawn.launcher,
					.programs = o->programs,
					.segment = snp_writer_path(o->writer),
				    });
	rc = snp_bank_adopt(o->writer, &sup->bank);
	if (rc < 0)
		return snp_err_set(err, rc,
				   "no bank of counters left for the supervisor");
	rc = open_lifeline(sup, err);
	if (rc == 0)
		rc = open_ears(sup, o->signals, err);
	if (rc < 0)
		return rc;
	keeper_init(&sup->keeper, &(struct keeper_options){
				      .dir = o->dir,
				      .instance = o->cfg->instance,
				      .run_uuid = o->spawn.run_uuid,
				      .guard = o->guard,
				      .watcher = &sup->watcher,
				      .bank = &sup->bank,
				  });
	legacy_init(&sup->legacy, &sup->watcher, o->front);
	sup->spawn.lifeline_fd = sup->lifeline[0];
	sup->spawn.cfg = o->cfg;
	oom_init(&sup->oom, "/proc/self/cgroup", "/sys/fs/cgroup");
	make_site(sup, o);
	return create_workers(sup, err);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void supervisor_fini(struct supervisor *sup)
{
	close_listeners(sup);
	readers_fini(&sup->readers);
	keeper_fini(&sup->keeper);
	close_fd(&sup->signal_fd);
	close_fd(&sup->lifeline[0]);
	close_fd(&sup->lifeline[1]);
	mailbox_fini(&sup->mailbox);
	watcher_fini(&sup->watcher);
	for (uint32_t i = 0; sup->fleets && i < sup->pools_nr; i++)
		fleet_fini(&sup->fleets[i]);
	free(sup->fleets);
	free(sup->workers);
	free(sup->listeners);
	if (sup->bank.proc)
		snp_bank_release(sup->writer, &sup->bank);
}
