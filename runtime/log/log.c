/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor. A line must go out whole, at once, or not at all, through a
 *descriptor that is usually shared with other processes (a terminal, a service
 *manager's pipe). Its O_NONBLOCK flag belongs to all of them, so it is not ours to set.
 *Hence, by kind:
 *
 *	pipe, terminal	a second open file description through /proc/self/fd,
 *non-blocking socket		send() with MSG_DONTWAIT file		write(); it does
 *not wait for anyone
 *	else		poll() first; two threads may then both see the last free page
 *of a pipe and one of them waits. Only where /proc cannot be used.
 *
 * A pipe takes a write of up to PIPE_BUF bytes whole or, non-blocking, not at all, so
 *no lock is needed to keep lines apart. A short write can only come from a full disk or
 *a socket; the next line then starts with a newline of its own.
 */
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "line.h"

enum sink_kind {
	SINK_POLL, /* anything: ask before writing */
	SINK_DIRECT,
	SINK_SOCKET,
};

/* Plain members are written by log_init() and log_fini() alone. */
static struct {
	_Atomic int level;
	_Atomic uint64_t dropped;
	_Atomic bool torn; /* the last write ended inside a line */
	_Atomic int format;
	enum sink_kind kind;
	int fd;	    /* -1: nowhere to write */
	bool owned; /* fd is ours to close */
} logger = {
    .level = LOG_LEVEL_INFO,
    .format = LOG_FORMAT_JSON,
    .kind = SINK_POLL,
    .fd = STDERR_FILENO,
};

static const char *const level_names[LOG_LEVEL_NR] = {
#define X(id, name) [LOG_LEVEL_##id] = (name),
    LOG_LEVELS(X)
#undef X
};

static const char *const format_names[LOG_FORMAT_NR] = {
#define X(id, name) [LOG_FORMAT_##id] = (name),
    LOG_FORMATS(X)
#undef X
};

const char *log_level_name(enum log_level level)
{
	return level < LOG_LEVEL_NR ? level_names[level] : "unknown";
}

const char *log_format_name(enum log_format format)
{
	return format < LOG_FORMAT_NR ? format_names[format] : "unknown";
}

/* ---- Start and end ------------------------------------------------------- */

/* Open the pipe or terminal behind `fd` once more, non-blocking. -1 if that is refused.
 */
static int reopen_nonblocking(int fd)
{
	char path[32];
	int raw, high;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	raw = open(path, O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC);
	if (raw < 0 || raw > STDERR_FILENO)
		return raw;
	/* A program started with a standard descriptor closed must not get ours there.
	 */
	high = fcntl(raw, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(raw);
	return high;
}

static void sink_open(int fd)
{
	struct stat st;

	logger.kind = SINK_POLL;
	logger.fd = -1;
	logger.owned = true;
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		logger.fd = reopen_nonblocking(fd);
		if (logger.fd >= 0) {
			logger.kind = SINK_DIRECT;
			return;
		}
	}
	logger.fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (S_ISREG(st.st_mode))
		logger.kind = SINK_DIRECT;
	else if (S_ISSOCK(st.st_mode))
		logger.kind = SINK_SOCKET;
}

static void sink_close(void)
{
	if (logger.owned && logger.fd >= 0)
		(void)close(logger.fd);
	logger.owned = false;
	logger.fd = STDERR_FILENO;
	logger.kind = SINK_POLL;
}

void log_init(enum log_level level, enum log_format format, int fd)
{
	int saved = errno;

	sink_close();
	sink_open(fd);
	log_set_format(format);
	atomic_store_explicit(&logger.torn, false, memory_order_relaxed);
	log_set_level(level);
	errno = saved;
}

void log_fini(void)
{
	int saved = errno;

	sink_close();
	log_set_format(LOG_FORMAT_JSON);
	log_set_level(LOG_LEVEL_INFO);
	errno = saved;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
	atomic_store_explicit(&logger.format, (int)format, memory_order_relaxed);
}

static enum log_format format_now(void)
{
	return (enum log_format)atomic_load_explicit(&logger.format,
						     memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}

/* ---- One write ----------------------------------------------------------- */

static ssize_t write_if_ready(const char *text, size_t len)
{
	struct pollfd pfd = {.fd = logger.fd, .events = POLLOUT};

	if (logger.kind == SINK_POLL &&
	    (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT)))
		return -1;
	return write(logger.fd, text, len);
}

/*
 * write() to a pipe without a reader raises SIGPIPE in this thread, and its disposition
 * belongs to the program. So hold the signal back and take it off again, unless one was
 * pending before, which is then somebody else's.
 */
static ssize_t write_without_sigpipe(const char *text, size_t len)
{
	static const struct timespec at_once = {0};
	sigset_t only_pipe, before, pending;
	ssize_t n;
	int cause;

	(void)sigemptyset(&only_pipe);
	(void)sigaddset(&only_pipe, SIGPIPE);
	(void)sigpending(&pending);
	(void)pthread_sigmask(SIG_BLOCK, &only_pipe, &before);
	n = write_if_ready(text, len);
	cause = errno;
	if (n < 0 && cause == EPIPE && !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&only_pipe, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = cause;
	return n;
}

static ssize_t sink_write(const char *text, size_t len)
{
	ssize_t n;

	if (logger.fd < 0)
		return -1;
	do {
		errno = 0;
		n = logger.kind == SINK_SOCKET
			? send(logger.fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			: write_without_sigpipe(text, len);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void emit(struct line *line)
{
	ssize_t n;

	if (atomic_exchange_explicit(&logger.torn, false, memory_order_relaxed)) {
		memmove(line->text + 1, line->text, line->len);
		line->text[0] = '\n';
		line->len++;
	}
	n = sink_write(line->text, line->len);
	if (n == (ssize_t)line->len)
		return;
	if (n > 0)
		atomic_store_explicit(&logger.torn, true, memory_order_relaxed);
	atomic_fetch_add_explicit(&logger.dropped, 1, memory_order_relaxed);
}

/* ---- Lines --------------------------------------------------------------- */

void log_write(enum log_level level, const char *component, const char *msg,
	       const struct log_field *fields)
{
	int saved = errno;
	struct line line;

	line_begin(&line, format_now(), level, msg, strlen(msg));
	line_add(&line, &LOG_STR("component", component));
	line_add(&line, &LOG_I64("pid", getpid()));
	for (const struct log_field *f = fields; f->type != LOG__END; f++)
		line_add(&line, f);
	line_end(&line);
	emit(&line);
	errno = saved;
}

void log_relay_text(const char *worker, const char *stream, const char *text,
		    size_t len)
{
	int saved = errno;
	struct line line;

	if (log_enabled(LOG_LEVEL_INFO)) {
		line_begin(&line, format_now(), LOG_LEVEL_INFO, text, len);
		line_add(&line, &LOG_STR("component", "worker"));
		line_add(&line, &LOG_I64("pid", getpid()));
		line_add(&line, &LOG_STR("worker", worker));
		line_add(&line, &LOG_STR("stream", stream));
		line_end(&line);
		emit(&line);
	}
	errno = saved;
}

void log_relay_json(const char *worker, const char *text, size_t len)
{
	int saved = errno;
	struct line line;

	if (len > sizeof(line.text) - 2 || !json_is_object(text, len)) {
		log_relay_text(worker, "log", text, len);
		return;
	}
	memcpy(line.text, text, len);
	line.text[len] = '\n';
	line.len = len + 1;
	emit(&line);
	errno = saved;
}
