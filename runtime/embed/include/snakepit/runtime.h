/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - Snakepit inside a program: libsnakepit.
 *
 *	struct snp_runtime_options options = {.config_file = "snakepit.yaml"};
 *	struct snp_request request = {.pool = "default", .tool = "word_stats",
 *				      .arguments = args, .arguments_nr = 1};
 *	struct snp_runtime *rt = NULL;
 *	struct snp_reply *reply = NULL;
 *	struct snp_err err = {0};
 *
 *	if (snp_runtime_create(&options, &rt, &err) < 0 ||
 *	    snp_runtime_start(rt, &err) < 0 ||
 *	    snp_runtime_execute(rt, &request, &reply, &err) < 0)
 *		puts(err.msg);
 *	...
 *	snp_reply_destroy(&reply);
 *	snp_runtime_destroy(&rt);
 *
 * What runs is what snakepitd runs: the same pools, segment, listeners, metrics and
 * readers, on threads of its own. Several runtimes may live in one process, each with
 * an instance name of its own.
 *
 * What it leaves to the program: signals (none is handled, none is waited for; all of
 * its threads block them all), other children (only the workers' own pidfds are waited
 * for, never waitpid(-1)), standard output and error (log lines go where
 * snp_runtime_log() says, and nowhere before that), the end of the process (it never
 * calls exit; abort only where its own memory is found damaged, with a line on
 * standard error).
 *
 * Whatever the program does with SIGCHLD, the end of a worker is seen. If the program
 * reaps it first (waitpid(-1), SIGCHLD ignored) its exit status is lost, and the exit
 * is booked as a failure with status 255.
 *
 * After fork() without exec the runtime is the parent's alone: in the child all that
 * takes a runtime is refused with -EPERM but snp_runtime_destroy(), which then only
 * forgets.
 *
 * Threads: snp_runtime_log, create, destroy: one at a time for a runtime. All others:
 * any thread at any time between create and destroy, several at once.
 *
 * Errors: 0 or a negative errno, and a text in `err`, which may be NULL. Strings in
 * structs that are passed in are borrowed for the call, unless said otherwise.
 *
 * Misuse that can be told is refused and harmless: -EINVAL for a NULL where something
 * is expected, -EDEADLK for waiting in a callback for what waits for the callback.
 * Functions that return no error then do nothing, or return "" or NULL. What cannot be
 * told is memory that was freed: a runtime or reply after destroy, a host call that was
 * ended twice.
 */
#ifndef SNAKEPIT_RUNTIME_H
#define SNAKEPIT_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the runtime --------------------------------------------------------- */

struct snp_runtime;

struct snp_runtime_options {
	/* One of the two: a file, or the text of one (docs/configuration.md). */
	const char *config_file;
	const char *config_text;
	/* Directory of snakepit-launch and the other programs. NULL: that of the
	 * running program, then ../bin of the one that libsnakepit.so is in. */
	const char *programs;
};

/* Where the log lines of all runtimes of the process go: a descriptor, which stays the
 * caller's and may be closed. Before the first snp_runtime_create(); without it they go
 * nowhere. Level and format are those of the configuration that was read last. */
void snp_runtime_log(int fd);

/* Read and check the configuration, make the segment, listen. No worker runs yet.
 * -EINVAL (configuration; err names file and line), -EEXIST (the instance runs
 * already), -ENOENT (a part of the installation), or what the system said. */
int snp_runtime_create(const struct snp_runtime_options *options,
		       struct snp_runtime **ret_runtime, struct snp_err *err);

/* Start the workers. Requests may follow at once: they wait in their pool's queue until
 * a worker is ready. Once; -EALREADY. */
int snp_runtime_start(struct snp_runtime *runtime, struct snp_err *err);

/* Stop as snakepitd does on SIGTERM: new requests are refused, running ones may finish,
 * then the workers stop, each step within the times of the configuration's `shutdown`.
 * Returns when all is stopped. After `timeout_ms` (0: never) the steps are cut short
 * and -ETIMEDOUT is returned, all the same when all is stopped. -EDEADLK from a
 * callback of this runtime: a reply's, a chunk's or a host tool's. */
int snp_runtime_stop(struct snp_runtime *runtime, uint64_t timeout_ms);

/* Stop, if that was not done, free everything, and set *runtime to NULL. Replies stay
 * valid. From a callback of this runtime it does nothing, and *runtime stays. */
void snp_runtime_destroy(struct snp_runtime **runtime);

/* Name of the configuration's instance; lives as long as the runtime. */
const char *snp_runtime_instance(const struct snp_runtime *runtime);

/* ---- requests ------------------------------------------------------------ */

struct snp_pair {
	const char *name;
	const void *data;
	size_t len;
};

struct snp_request {
	const char *pool; /* NULL: the first */
	const char *tool;
	const char *session_id;		  /* NULL: none */
	const char *correlation_id;	  /* NULL: one is made; the reply says which */
	const struct snp_pair *arguments; /* values are JSON texts */
	size_t arguments_nr;
	const struct snp_pair *binary; /* values are bytes that nobody looks at */
	size_t binary_nr;
	const struct snp_pair *metadata; /* values are UTF-8; for the adapter */
	size_t metadata_nr;
	uint64_t timeout_ms; /* from now on, the wait included; 0: the pool's */
	/* The trace it is part of (W3C Trace Context and Baggage); each may be NULL.
	 * -EINVAL: the first is no traceparent, or one has control characters. */
	const char *traceparent, *tracestate, *baggage;
};

enum snp_reply_kind {
	SNP_REPLY_RESULT,     /* the tool returned */
	SNP_REPLY_TOOL_ERROR, /* the tool ran and raised */
	SNP_REPLY_FAILED,     /* no answer of a tool: see status and message */
};

/* How a request ended. Strings are NUL-terminated, "" where there is none, and live as
 * long as the reply. */
struct snp_reply {
	enum snp_reply_kind kind;
	const char *result_json; /* RESULT, of a call that is no stream */
	const void *binary;	 /* RESULT; NULL: none */
	size_t binary_len;
	/* TOOL_ERROR: the exception's class. FAILED: the kind that the runtime names in
	 * `snakepit-error-kind` (docs/requests.md), such as "queue_full". */
	const char *error_type;
	const char *message;	/* TOOL_ERROR and FAILED, for people */
	const char *error_json; /* TOOL_ERROR: the worker's whole report, or "" */
	int status;		/* gRPC status code; 0 but for FAILED */
	const char *status_name;
	const char *correlation_id;
	/* RESULT and TOOL_ERROR, not of streams: */
	const char *worker_id; /* who ran it */
	uint64_t queue_wait_ns, service_ns;
};

void snp_reply_destroy(struct snp_reply **reply);

/* Run a tool and wait for the end. 0: there is a reply, of whatever kind. Negative: the
 * request was not sent (-EINVAL, -ENOMEM, -ESHUTDOWN, and -EDEADLK from the callback of
 * snp_runtime_submit()). */
int snp_runtime_execute(struct snp_runtime *runtime, const struct snp_request *request,
			struct snp_reply **ret_reply, struct snp_err *err);

/* The same without waiting: `fn` gets the reply, and owns it, exactly once for each
 * submit that returned 0, on a thread of the runtime; it must not block. */
typedef void (*snp_reply_fn)(void *user, struct snp_reply *take_reply);
int snp_runtime_submit(struct snp_runtime *runtime, const struct snp_request *request,
		       snp_reply_fn fn, void *user, struct snp_err *err);

struct snp_chunk {
	const char *id;
	const void *data; /* JSON text unless the adapter says otherwise */
	size_t len;
	int is_final;
};

/* Run a streaming tool. `fn` gets each chunk in order, on the calling thread, and the
 * worker makes the next but one only when it has returned: who takes their time slows
 * the tool down, and memory stays bounded. It returns 0 to go on; anything else ends
 * the stream, and the reply is FAILED with CANCELLED. */
typedef int (*snp_chunk_fn)(void *user, const struct snp_chunk *chunk);
int snp_runtime_stream(struct snp_runtime *runtime, const struct snp_request *request,
		       snp_chunk_fn fn, void *user, struct snp_reply **ret_reply,
		       struct snp_err *err);

/* ---- tools for Python ---------------------------------------------------- */

/* A call from Python (SessionContext.call_host_tool()) to a tool of this program. */
struct snp_host_call;

/* Runs on one of a few threads kept for it, may block, and need not finish the call
 * before it returns. */
typedef void (*snp_host_tool_fn)(struct snp_host_call *call, void *user);

struct snp_host_parameter {
	const char *name;
	const char *type; /* as the adapter shall see it, such as "string" */
	const char *description;
	int is_required;
};

struct snp_host_tool {
	const char *name; /* 1 to 128 bytes, unique */
	const char *description;
	const struct snp_host_parameter *parameters;
	size_t parameters_nr;
	snp_host_tool_fn fn;
	void *user; /* must live as long as the runtime */
};

/* Offer a tool from now on, for good. -EINVAL, -EEXIST, -ENOSPC, -ENOMEM, -EAGAIN. */
int snp_runtime_offer(struct snp_runtime *runtime, const struct snp_host_tool *tool,
		      struct snp_err *err);

/* Argument of that name as JSON text of `*ret_len` bytes (`ret_len` may be NULL), with
 * no NUL behind it; NULL when it was not given. Valid, like what the next five return,
 * until the call is finished. */
const char *snp_host_call_argument(const struct snp_host_call *call, const char *name,
				   size_t *ret_len);
const char *snp_host_call_session(const struct snp_host_call *call);
const char *snp_host_call_correlation(const struct snp_host_call *call);

/* The trace it belongs to (W3C Trace Context), to go on with in this program; "" where
 * there is none. */
const char *snp_host_call_traceparent(const struct snp_host_call *call);
const char *snp_host_call_tracestate(const struct snp_host_call *call);
const char *snp_host_call_baggage(const struct snp_host_call *call);

/* End the call, exactly once, from any thread: with a result as JSON text (NULL: null),
 * or with an error that Python raises (NULL: "Error", ""). Strings are copied. */
void snp_host_call_finish(struct snp_host_call *take_call, const char *result_json);
void snp_host_call_fail(struct snp_host_call *take_call, const char *type,
			const char *message);

#ifdef __cplusplus
}
#endif

#endif
