/* SPDX-License-Identifier: Apache-2.0 */
#include "core/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 256

/* ---- the environment ------------------------------------------------------ */

/* "/path" or "@abstract". */
static int parse_socket(const char *text, struct notify *notify, struct snp_err *err)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 ||
	    len >= sizeof(notify->address.sun_path))
		return snp_err_set(err, -EINVAL,
				   "NOTIFY_SOCKET=%.128s: expected /path or @name of a "
				   "unix socket",
				   text);
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, text, len);
	if (text[0] == '@')
		notify->address.sun_path[0] = '\0';
	/* An abstract name ends with the address, a path with a NUL. */
	notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
					  (text[0] == '/'));
	return 0;
}

static int parse_number(const char *name, uint64_t *ret_number, struct snp_err *err)
{
	const char *text = getenv(name);
	char *end;

	*ret_number = 0;
	if (!text)
		return 0;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-')
		return snp_err_set(err, -EINVAL, "%s=%.64s: expected a number", name,
				   text);
	return 0;
}

/* Half of what the manager waits for, if it waits for this process. */
static int parse_watchdog(struct notify *notify, struct snp_err *err)
{
	uint64_t usec, pid;
	int rc = parse_number("WATCHDOG_USEC", &usec, err);

	if (rc == 0)
		rc = parse_number("WATCHDOG_PID", &pid, err);
	if (rc == 0 && usec <= UINT64_MAX / 500 && (!pid || pid == (uint64_t)getpid()))
		notify->watchdog_ns = usec * 500;
	return rc;
}

static int parse(struct notify *notify, struct snp_err *err)
{
	const char *socket_name = getenv("NOTIFY_SOCKET");
	int rc;

	if (!socket_name || !*socket_name)
		return 0;
	rc = parse_socket(socket_name, notify, err);
	if (rc == 0)
		rc = parse_watchdog(notify, err);
	if (rc < 0)
		return rc;
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return notify->fd < 0
		   ? snp_err_errno(err, "cannot make a socket for NOTIFY_SOCKET")
		   : 0;
}

int notify_open(struct notify *notify, struct snp_err *err)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
					    "WATCHDOG_PID"};
	int rc;

	*notify = (struct notify){.fd = -1};
	rc = parse(notify, err);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	return rc;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		(void)close(notify->fd);
	notify->fd = -1;
}

/* ---- messages ------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool tell(const struct notify *notify,
						       const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	int n;

	if (!notify || notify->fd < 0)
		return true;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return sendto(notify->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&notify->address,
		      notify->address_len) == n;
}

static void tell_workers(struct notify *notify, const struct notify_state *state)
{
	if (state->workers_ready == notify->workers_ready &&
	    state->workers_wanted == notify->workers_wanted)
		return;
	notify->workers_ready = state->workers_ready;
	notify->workers_wanted = state->workers_wanted;
	(void)tell(notify, "STATUS=%u of %u workers ready\n", state->workers_ready,
		   state->workers_wanted);
}

void notify_turn(struct notify *notify, const struct notify_state *state,
		 snp_mono_t now)
{
	if (!notify || notify->fd < 0)
		return;
	if (state)
		tell_workers(notify, state);
	if (state && state->serving && !notify->ready)
		notify->ready = tell(notify, "READY=1\nMAINPID=%d\n", (int)getpid());
	if (notify->watchdog_ns && now.ns >= notify->next_sign.ns) {
		notify->next_sign.ns = now.ns + notify->watchdog_ns;
		(void)tell(notify, "WATCHDOG=1\n");
	}
}

snp_mono_t notify_next(const struct notify *notify)
{
	if (!notify || notify->fd < 0 || !notify->watchdog_ns)
		return (snp_mono_t){UINT64_MAX};
	return notify->next_sign;
}

void notify_reloading(struct notify *notify, snp_mono_t now)
{
	if (notify && notify->ready)
		(void)tell(notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
			   now.ns / 1000);
}

void notify_reloaded(struct notify *notify)
{
	/* Before the first READY=1 there is nothing to go back to. */
	if (notify && notify->ready)
		notify->ready = tell(notify, "READY=1\n");
}

void notify_stopping(struct notify *notify, uint64_t budget_ms)
{
	(void)tell(notify,
		   "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\n",
		   budget_ms * 1000);
}
