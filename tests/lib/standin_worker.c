/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_worker.c - a worker process that costs next to nothing, for tests with a
 * thousand of them. It beats, watches its lifeline, and leaves the serving to a hub
 * (standin_hub.c) that is one process for all: `python` of the pool is this program,
 * `script` the hub's socket.
 *
 *   standin_worker HUB --address unix:PATH --ready-fd 3 --lifeline-fd 4 [--beat-fd 6]
 * ...
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "beat/beat_page.h"

/* As snakepit_bridge/_beat.py does it. */
#define INTERPRETER_BEAT_MS 1000
#define LOOP_BEAT_MS	    500

static const char *option(int argc, char **argv, const char *name)
{
	for (int i = 2; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return NULL;
}

static int option_fd(int argc, char **argv, const char *name)
{
	const char *value = option(argc, argv, name);

	return value ? atoi(value) : -1;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "standin_worker: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The hub listens on the worker's address when it answers. */
static void ask_hub(const char *hub, const char *address)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char answer;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", hub);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, address, strlen(address) + 1, 0) < 0 ||
	    recv(fd, &answer, 1, 0) != 1)
		die(hub);
	close(fd);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void stamp(struct beat_page *page, enum beat_word seq)
{
	atomic_store(&page->word[seq + 1], now_ns());
	atomic_fetch_add(&page->word[seq], 1);
}

static void beat(struct beat_page *page, uint64_t *ms)
{
	uint64_t interval_ms = page->word[BEAT_INTERVAL_MS];

	stamp(page, BEAT_PROCESS_SEQ);
	if (*ms % INTERPRETER_BEAT_MS < interval_ms)
		stamp(page, BEAT_INTERPRETER_SEQ);
	if (*ms % LOOP_BEAT_MS < interval_ms)
		stamp(page, BEAT_LOOP_SEQ);
	*ms += interval_ms;
}

static void say_hello(int fd, const char *capacity)
{
	char line[128];
	int n = snprintf(line, sizeof(line),
			 "{\"ready\":true,\"pid\":%d,\"python\":\"standin\","
			 "\"protocol\":1,\"capacity\":%s}\n",
			 getpid(), capacity ? capacity : "1");

	if (write(fd, line, (size_t)n) != n)
		die("hello");
	close(fd);
}

int main(int argc, char **argv)
{
	const char *address = option(argc, argv, "--address");
	int beat_fd = option_fd(argc, argv, "--beat-fd");
	struct pollfd lifeline = {.fd = option_fd(argc, argv, "--lifeline-fd")};
	struct beat_page *page = NULL;
	uint64_t ms = 0;

	if (argc < 2 || !address || strncmp(address, "unix:", 5) != 0)
		die("usage");
	if (beat_fd >= 0)
		page = mmap(NULL, BEAT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			    beat_fd, 0);
	if (page == MAP_FAILED)
		die("page");
	ask_hub(argv[1], address + 5);
	say_hello(option_fd(argc, argv, "--ready-fd"),
		  option(argc, argv, "--max-workers"));
	do {
		if (page)
			beat(page, &ms);
	} while (poll(&lifeline, 1, page ? (int)page->word[BEAT_INTERVAL_MS] : -1) ==
		 0);
	return 0;
}
