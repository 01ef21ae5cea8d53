/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `snakepit doctor`: addresses, the exporter, the receiver of OTLP. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor.h"
#include "model/host_port.h"

#define ANSWER_TIMEOUT_S   2
#define PROMETHEUS_DEFAULT "127.0.0.1:9568"
#define HEALTHY		   "GET /-/healthy HTTP/1.0\r\n\r\n"

/* ---- addresses ----------------------------------------------------------- */

/* Call `use` with a socket for each address of HOST:PORT until one returns 0; the last
 * result, or -EINVAL, or -ENOENT with *ret_text where the name has no address. */
static int with_each_address(const char *address, int flags,
			     int (*use)(int fd, const struct addrinfo *at, void *user),
			     void *user, const char **ret_text)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
	char host[SNP_HOST_BYTES], port[SNP_PORT_BYTES];
	struct addrinfo *found = NULL;
	int r;

	*ret_text = "not of the form HOST:PORT";
	if (!snp_host_port_split(address, host, port))
		return -EINVAL;
	r = getaddrinfo(*host ? host : NULL, port, &hints, &found);
	if (r != 0) {
		*ret_text = gai_strerror(r);
		return -ENOENT;
	}
	r = -ENOENT;
	for (const struct addrinfo *at = found; at && r != 0; at = at->ai_next) {
		int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);

		r = fd < 0 ? -errno : use(fd, at, user);
		if (fd >= 0 && r != 0)
			(void)close(fd);
	}
	freeaddrinfo(found);
	*ret_text = strerror(-r);
	return r;
}

static int bind_and_close(int fd, const struct addrinfo *at, void *user)
{
	int one = 1, r;

	(void)user;
	/* As the programs do it: connections in TIME_WAIT are no obstacle. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = bind(fd, at->ai_addr, at->ai_addrlen) < 0 ? -errno : 0;
	if (r == 0)
		(void)close(fd);
	return r;
}

/* `user` is an int, which becomes the connected socket. */
static int connect_within(int fd, const struct addrinfo *at, void *user)
{
	const struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};

	/* The limit of sending holds for connect(2), too. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, at->ai_addr, at->ai_addrlen) < 0)
		return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	*(int *)user = fd;
	return 0;
}

/* ---- ports --------------------------------------------------------------- */

static void check_port(struct doctor *doctor, const char *address, const char *whose,
		       enum doctor_level level)
{
	const char *text;
	int r = with_each_address(address, AI_PASSIVE, bind_and_close, NULL, &text);

	if (r == 0)
		doctor_ok(doctor, "%.200s is free for %s", address, whose);
	else if (r == -EACCES)
		doctor_bad(doctor, level, "take a port above 1023", "%.200s: %s",
			   address, text);
	else if (r == -EADDRINUSE)
		doctor_bad(doctor, level,
			   "end what listens there ('ss -ltnp'), or take another port",
			   "%.200s, for %s: %s", address, whose, text);
	else
		doctor_bad(doctor, level, "take an address of this machine",
			   "%.200s, for %s: %s", address, whose, text);
}

static void check_socket_folder(struct doctor *doctor, const char *path)
{
	char folder[DOCTOR_TEXT_BYTES];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (access(folder, F_OK) < 0 && errno == ENOENT)
		doctor_ok(doctor, "%.300s will be made", path);
	else if (access(folder, W_OK | X_OK) < 0)
		doctor_bad(
		    doctor, DOCTOR_FAIL, "take a folder that this user can write to",
		    "no socket can be made in %.300s: %s", folder, strerror(errno));
	else
		doctor_ok(doctor, "%.300s can be made", path);
}

void doctor_check_ports(struct doctor *doctor)
{
	const char *address = NULL;

	if (doctor->plan.len == 0) {
		check_port(doctor, PROMETHEUS_DEFAULT, "snakepit-prometheus",
			   DOCTOR_WARN);
		return;
	}
	if (doctor_instance_runs(doctor)) {
		doctor_ok(doctor, "the instance runs and has its own");
		return;
	}
	while ((address = doctor_plan_next(doctor, "listen", address)))
		if (strncmp(address, "unix:", 5) == 0)
			check_socket_folder(doctor, address + 5);
		else
			check_port(doctor, address, "clients", DOCTOR_FAIL);
	address = doctor_plan_next(doctor, "prometheus", NULL);
	if (address)
		check_port(doctor, address, "snakepit-prometheus", DOCTOR_FAIL);
}

/* ---- who answers --------------------------------------------------------- */

/* Ask for its health. The status of the answer, 0 where it is none of HTTP. */
static int ask_health(int fd)
{
	char answer[64] = "";
	int status = 0;
	ssize_t got;

	if (send(fd, HEALTHY, strlen(HEALTHY), MSG_NOSIGNAL) < 0)
		return 0;
	got = recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL);
	if (got <= 0 || sscanf(answer, "HTTP/1.%*d %d", &status) != 1)
		return 0;
	return status;
}

void doctor_check_prometheus(struct doctor *doctor)
{
	const char *address = doctor_plan_next(doctor, "prometheus", NULL), *text;
	int fd = -1, r, status;

	if (!address || !doctor_instance_runs(doctor)) {
		doctor_ok(doctor, address ? "starts with the runtime"
					  : "no configuration starts it");
		return;
	}
	r = with_each_address(address, 0, connect_within, &fd, &text);
	if (r < 0) {
		doctor_bad(doctor, DOCTOR_FAIL,
			   "look for component reader in the runtime's log",
			   "nobody answers at %.200s: %s", address, text);
		return;
	}
	status = ask_health(fd);
	(void)close(fd);
	if (status == 200 || status == 401) /* it asks for a password */
		doctor_ok(doctor, "it answers at %.200s", address);
	else
		doctor_bad(doctor, DOCTOR_WARN,
			   "fine if it speaks TLS; else see who listens: 'ss -ltnp'",
			   "what answers at %.200s says nothing of snakepit-prometheus",
			   address);
}

/* HOST:PORT of an endpoint such as "https://host/path". Returns NULL, or what is wrong
 * with it. */
static const char *endpoint_address(const char *url, char *ret_address, size_t size)
{
	const char *scheme_end = strstr(url, "://");
	const char *authority = scheme_end ? scheme_end + 3 : url;
	bool is_tls = strncmp(url, "https", 5) == 0;
	int n, len = (int)strcspn(authority, "/?#");
	const char *bracket;

	if (memchr(authority, '@', (size_t)len))
		return "a user in it belongs into OTEL_EXPORTER_OTLP_HEADERS";
	n = snprintf(ret_address, size, "%.*s", len, authority);
	if (n <= 0 || (size_t)n >= size)
		return "no host in it";
	/* A colon behind the brackets of an IPv6 address, if it is one. */
	bracket = strchr(ret_address, ']');
	if (!strchr(bracket ? bracket : ret_address, ':'))
		(void)snprintf(ret_address + n, size - (size_t)n,
			       is_tls ? ":443" : ":80");
	return NULL;
}

static void check_receiver(struct doctor *doctor, const char *from, const char *url)
{
	char address[DOCTOR_TEXT_BYTES / 2] = "";
	const char *text = endpoint_address(url, address, sizeof(address));
	int fd = -1, r = -EINVAL;

	if (!text)
		r = with_each_address(address, 0, connect_within, &fd, &text);
	if (r == 0) {
		doctor_ok(doctor, "%.200s can be reached (%s)", address, from);
		(void)close(fd);
		return;
	}
	/* Not the whole of it: it may hold a password. */
	doctor_bad(doctor, DOCTOR_WARN,
		   "start the Collector, or mend the address; telemetry is lost "
		   "meanwhile",
		   "%s is %.200s: %s", from, *address ? address : "an address", text);
}

void doctor_check_collector(struct doctor *doctor)
{
	static const char *const names[] = {
	    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"};
	const char *configured = doctor_plan_next(doctor, "otlp", NULL);
	bool any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *url = getenv(names[i]);

		if (!url || !*url)
			continue;
		check_receiver(doctor, names[i], url);
		any = true;
	}
	if (!any && configured)
		check_receiver(doctor, "readers.otlp.endpoint", configured);
	else if (!any)
		doctor_ok(doctor, "nothing is sent anywhere");
}
