/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the runtime's one logger: a line per event, written whole or not at all.
 *
 *	#define LOG_COMPONENT "pool"
 *	#include "log/log.h"
 *
 *	log_info("worker started", LOG_STR("worker", id), LOG_I64("worker_pid", pid),
 *		 LOG_MS("took_ms", took_ns));
 *
 * gives, in the JSON format,
 *
 *	{"ts":"2026-01-02T03:04:05.678901Z","level":"info","msg":"worker started",
 *	 "component":"pool","pid":4711,"worker":"default/0#1","worker_pid":4712,"took_ms":31.520}
 *
 * on one line. A message starts lower-case and says what happened or failed and, if it
 * failed, what happens next; whatever varies goes into fields, not into the message.
 *
 * What it promises
 *  - A line is one write of at most LOG_LINE_MAX bytes, which a pipe never mixes with
 *    another writer's. What does not fit is cut at a character border and says so.
 *  - It never waits and never raises SIGPIPE. A line that the descriptor does not take
 *at once (full pipe, closed reader, full disk) is dropped and counted: log_dropped().
 *  - Every line is valid UTF-8 and, in the JSON format, valid JSON, whatever bytes it
 *is given: control characters are escaped, broken UTF-8 becomes U+FFFD.
 *  - errno is the same after a call as before.
 *
 * What it is not: asynchronous, a file rotator, or for libraries (those return errors).
 *
 * Threads: everything but log_init() and log_fini() may be called from any thread at
 *any time; no lock is held. log_init() and log_fini() must not run beside other calls.
 * Signal handlers must not log.
 */
#ifndef SNP_LOG_LOG_H
#define SNP_LOG_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest line including its newline, in bytes. PIPE_BUF on Linux. */
#define LOG_LINE_MAX 4096

/* X(ID, name): the name is what the configuration and the lines use, and what the
 * Python side writes as well. From least to most important. */
#define LOG_LEVELS(X)                                                                  \
	X(DEBUG, "debug")                                                              \
	X(INFO, "info")                                                                \
	X(WARNING, "warning")                                                          \
	X(ERROR, "error")

#define LOG_FORMATS(X)                                                                 \
	X(JSON, "json")	    /* one JSON object a line */                               \
	X(LOGFMT, "logfmt") /* key=value pairs, for reading in a terminal */

enum log_level {
#define X(id, name) LOG_LEVEL_##id,
	LOG_LEVELS(X)
#undef X
	    LOG_LEVEL_NR
};

enum log_format {
#define X(id, name) LOG_FORMAT_##id,
	LOG_FORMATS(X)
#undef X
	    LOG_FORMAT_NR
};

/* Names the part of the program that speaks. Define it before including this header. */
#ifndef LOG_COMPONENT
#define LOG_COMPONENT "snakepitd"
#endif

/*
 * Send lines of `level` and above to what `fd` refers to. The logger keeps a descriptor
 * of its own (close-on-exec, above 2), so `fd` stays the caller's and may be closed; a
 * pipe or terminal it opens anew, non-blocking, so that the flags of a description
 * shared with other processes are left alone. If `fd` is not open, every line is
 * dropped and counted. Before the first call lines of `info` and above go to descriptor
 * 2 as JSON.
 */
void log_init(enum log_level level, enum log_format format, int fd);

/* Release what log_init() opened; the logger then is as before log_init(). */
void log_fini(void);

/* Change the least level that is written. */
void log_set_level(enum log_level level);

/* Change the form of the lines that begin from now on. */
void log_set_format(enum log_format format);

/* Lines lost so far because the descriptor would not take them. Never falls. */
uint64_t log_dropped(void);

/* ---- Fields -------------------------------------------------------------- */

enum log_field_type {
	LOG__END, /* ends an array of fields */
	LOG__STR,
	LOG__U64,
	LOG__I64,
	LOG__F64,
	LOG__BOOL,
	LOG__NS_AS_MS,
	LOG__ERRNO,
	LOG__CONTEXT,
};

/* The request that a line is about. What is 0, NULL or empty is left out. */
struct log_context {
	const char *correlation_id;
	uint64_t trace_id[2]; /* first and last 8 bytes as big-endian numbers */
	uint64_t span_id;
	unsigned trace_flags; /* written where there is a span */
};

/* Build these with the macros below. Strings are borrowed for the call. */
struct log_field {
	const char *key; /* [a-z0-9_.]+ by convention; escaped like any other string */
	enum log_field_type type;
	union {
		struct {
			const char *ptr; /* NULL is written as null */
			size_t len;	 /* SIZE_MAX: up to the NUL */
		} str;
		uint64_t u64;
		int64_t i64;
		double f64;
		bool b;
		struct log_context context;
	};
};

#define LOG_STR(k, v)                                                                  \
	((struct log_field){.key = (k), .type = LOG__STR, .str = {(v), SIZE_MAX}})
/* Not NUL-terminated, or with NULs inside. */
#define LOG_STRN(k, v, n)                                                              \
	((struct log_field){.key = (k), .type = LOG__STR, .str = {(v), (n)}})
#define LOG_U64(k, v)                                                                  \
	((struct log_field){.key = (k), .type = LOG__U64, .u64 = (uint64_t)(v)})
#define LOG_I64(k, v)                                                                  \
	((struct log_field){.key = (k), .type = LOG__I64, .i64 = (int64_t)(v)})
#define LOG_F64(k, v)  ((struct log_field){.key = (k), .type = LOG__F64, .f64 = (v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .type = LOG__BOOL, .b = (v)})
/* A duration in nanoseconds, shown in milliseconds; end the key in _ms. */
#define LOG_MS(k, ns)                                                                  \
	((struct log_field){.key = (k), .type = LOG__NS_AS_MS, .u64 = (uint64_t)(ns)})
/* "error":"<what the errno means>"; the sign does not matter, so a negative-errno
 * result can be given as it is. */
#define LOG_ERRNO(errnum)                                                              \
	((struct log_field){.key = "error", .type = LOG__ERRNO, .i64 = (errnum)})
/* Several fields: correlation_id, trace_id, span_id, trace_flags, as Python's lines and
 * OpenTelemetry name and write them. */
#define LOG_CONTEXT(context_)                                                          \
	((struct log_field){.type = LOG__CONTEXT, .context = (context_)})

/* ---- Writing ------------------------------------------------------------- */

/* log_<level>(message, fields...): the arguments are evaluated only if the level is on.
 */
#define log_debug(...)	 LOG__AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)	 LOG__AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)	 LOG__AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)	 LOG__AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_at(lvl, ...) LOG__AT((lvl), __VA_ARGS__)

bool log_enabled(enum log_level level);

/* The function behind the macros: `fields` ends with an element of type LOG__END. */
void log_write(enum log_level level, const char *component, const char *msg,
	       const struct log_field *fields);

#define LOG__AT(level, ...)                                                            \
	do {                                                                           \
		if (log_enabled(level))                                                \
			log_write(level, LOG_COMPONENT,                                \
				  LOG__FIRST(__VA_ARGS__, LOG__STOP),                  \
				  (const struct log_field[]){                          \
				      LOG__REST(__VA_ARGS__, LOG__STOP)});             \
	} while (0)
#define LOG__STOP                                                                      \
	(struct log_field)                                                             \
	{                                                                              \
		.type = LOG__END                                                       \
	}
#define LOG__FIRST(first, ...) first
#define LOG__REST(first, ...)  __VA_ARGS__

/* ---- Repeated messages --------------------------------------------------- */

/*
 * At most `burst` lines per `period_ms` from one place:
 *
 *	static struct log_ratelimit refused = LOG_RATELIMIT("connection refused", 5,
 *10000);
 *
 *	if (log_ratelimit(&refused))
 *		log_warn("connection refused, client is told to retry", ...);
 *
 * The first call after a period in which lines were held back writes one line saying
 *how many. Under a race of threads at the turn of a period a few lines more may pass.
 */
struct log_ratelimit {
	const char *what; /* names the lines in the "held back" line */
	uint32_t burst;
	uint32_t period_ms;
	_Atomic uint64_t period_start_ns; /* monotonic; 0 = none yet */
	_Atomic uint32_t passed;
	_Atomic uint64_t held_back;
};

#define LOG_RATELIMIT(what_, burst_, period_ms_)                                       \
	{                                                                              \
		.what = (what_), .burst = (burst_), .period_ms = (period_ms_)          \
	}

/* True if the caller may write its line now. */
bool log_ratelimit(struct log_ratelimit *site);

/* ---- Lines of others ----------------------------------------------------- */

/*
 * Pass a worker's log line on whole, whatever the level and format. `text` is `len`
 * bytes without the newline. If it is not one valid JSON object that fits LOG_LINE_MAX
 * it is wrapped as log_relay_text() does, with stream "log": our output stays JSON
 * lines whatever a worker writes.
 */
void log_relay_json(const char *worker, const char *text, size_t len);

/* Wrap one line of a worker's other output: level info, component "worker", the text as
 * msg, and the fields worker and stream ("stdout", "stderr"). */
void log_relay_text(const char *worker, const char *stream, const char *text,
		    size_t len);

/* ---- Names --------------------------------------------------------------- */

const char *log_level_name(enum log_level level);
const char *log_format_name(enum log_format format);

#endif
