/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "legacy"
#include "worker/legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <unistd.h>

#include "log/log.h"

/* A port, and what people's scripts leave around it. */
#define READY_BYTES 32

/* ---- where workers call back --------------------------------------------- */

static void on_connection(void *user, int fd)
{
	front_add_connection(user, fd, FRONT_LEGACY);
}

static void on_readable(struct watch *watch)
{
	struct legacy *l = watch->user;

	rpc_listener_on_readable(l->listener);
}

void legacy_init(struct legacy *l, struct watcher *watcher, struct front *front)
{
	*l = (struct legacy){.watcher = watcher, .front = front, .watch.fd = -1};
}

void legacy_close(struct legacy *l)
{
	if (!l->listener)
		return;
	watch_remove(l->watcher, &l->watch);
	rpc_listener_destroy(&l->listener);
}

static int open_listener(struct legacy *l, struct snp_err *err)
{
	const struct rpc_listener_opts opts = {
	    .reach = RPC_LISTEN_LOOPBACK,
	    .on_connection = on_connection,
	    .user = l->front,
	};
	int rc = rpc_listener_create("127.0.0.1:0", &opts, &l->listener, err);

	if (rc < 0)
		return rc;
	rc = watch_add(l->watcher, &l->watch, rpc_listener_fd(l->listener), on_readable,
		       l);
	if (rc < 0) {
		rpc_listener_destroy(&l->listener);
		return snp_err_set(err, rc, "cannot watch a loopback port: %s",
				   strerror(-rc));
	}
	log_info("listening for legacy workers",
		 LOG_STR("address", rpc_listener_address(l->listener)));
	return 0;
}

int legacy_host_address(struct legacy *l, const char **ret_address, struct snp_err *err)
{
	int rc = l->listener ? 0 : open_listener(l, err);

	if (rc == 0)
		*ret_address = rpc_listener_address(l->listener);
	return rc;
}

/* ---- the ready file ------------------------------------------------------ */

int legacy_ready_name(const char *dir, char *ret_path, size_t size)
{
	uint64_t random[2];
	int n;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	n = snprintf(ret_path, size, "%s/%016llx%016llx.ready", dir,
		     (unsigned long long)random[0], (unsigned long long)random[1]);
	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int legacy_ready_watch(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd, rc;

	if (!slash ||
	    snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path) >= PATH_MAX)
		return -EINVAL;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* Not of what is still being written: half of a port is a port too. */
	if (inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* Digits of a port with white space around them. */
static bool parse_port(const char *text, uint16_t *ret_port)
{
	static const char space[] = " \t\r\n";
	size_t digits;
	unsigned long port;

	text += strspn(text, space);
	digits = strspn(text, "0123456789");
	if (!digits || digits > 5 || text[digits + strspn(text + digits, space)])
		return false;
	port = strtoul(text, NULL, 10);
	*ret_port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

bool legacy_ready_port(int fd, const char *path, uint16_t *ret_port)
{
	char drained[4096], text[READY_BYTES];
	ssize_t n;
	int file;

	/* Which file it was about is seen by looking at the one we want. */
	while (read(fd, drained, sizeof(drained)) > 0)
		continue;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0)
		return false;
	n = read(file, text, sizeof(text) - 1);
	close(file);
	if (n < 0)
		return false;
	text[n] = '\0';
	if (strlen(text) == (size_t)n && parse_port(text, ret_port))
		return true;
	log_warn("a worker's ready file holds no port, waiting for one",
		 LOG_STR("path", path), LOG_I64("bytes", n));
	return false;
}

/* ---- environment --------------------------------------------------------- */

void legacy_heartbeat_json(const struct snp_cfg_heartbeat *h,
			   char ret_text[LEGACY_HEARTBEAT_BYTES])
{
	(void)snprintf(ret_text, LEGACY_HEARTBEAT_BYTES,
		       "{\"enabled\": %s, \"interval_ms\": %u, \"timeout_ms\": %u, "
		       "\"max_missed_heartbeats\": %u, \"initial_delay_ms\": %u, "
		       "\"dependent\": %s}",
		       h->enabled ? "true" : "false", h->ping_interval_ms,
		       h->timeout_ms, h->max_missed_heartbeats, h->initial_delay_ms,
		       h->dependent ? "true" : "false");
}
