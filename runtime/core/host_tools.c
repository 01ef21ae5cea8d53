/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "host"
#include "core/host_tools.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/front.h"
#include "core/host_call.h"
#include "log/log.h"
#include "pool/error_kind.h"
#include "pool/tools.h"
#include "snakepit/check.h"
#include "trace/carrier.h"

/* ---- one call ------------------------------------------------------------ */

struct host_call {
	struct list node;      /* while it waits for a thread */
	_Atomic unsigned refs; /* of the tool until it finishes, of the server call */
	/* Whoever sets it answers: the tool, or the end of the caller. */
	_Atomic bool answered;
	/* Referenced until its end, by the front door: a tool that takes its time must
	 * not hold up the server's. Who answers may use it until then. */
	struct rpc_server_call *call;
	snp_mono_t deadline;
	const struct host_tool *tool;
	struct rpc_arena arena; /* holds msg */
	struct rpc_execute_request msg;
	char correlation[RPC_CORRELATION_BYTES];
	struct host_call_trace trace;
	snp_mono_t started;
};

static void unref(struct host_call *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	rpc_arena_fini(&c->arena);
	free(c);
}

const struct rpc_execute_request *host_call_request(const struct host_call *c)
{
	return &c->msg;
}

const char *host_call_correlation(const struct host_call *c)
{
	return c->correlation;
}

const struct host_call_trace *host_call_trace(const struct host_call *c)
{
	return &c->trace;
}

snp_mono_t host_call_deadline(const struct host_call *c)
{
	return c->deadline;
}

bool host_call_is_cancelled(const struct host_call *c)
{
	return atomic_load(&c->answered);
}

/* Whether the caller of this is the one who answers. */
static bool may_answer(struct host_call *c)
{
	if (atomic_exchange(&c->answered, true))
		return false;
	(void)rpc_server_call_add_trailing(c->call, RPC_MD_CORRELATION_ID,
					   rpc_str_of(c->correlation));
	return true;
}

static void respond(struct host_call *c, struct rpc_execute_response *response)
{
	struct rpc_server_call *call;
	struct rpc_buf *reply = NULL;
	int rc;

	if (may_answer(c)) {
		call = rpc_server_call_ref(c->call);
		response->service_ns = snp_mono_since_ns(snp_mono_now(), c->started);
		rc = rpc_bridge_encode_execute_response(response, &reply);
		host_call_reply(call, reply, rc);
		rpc_server_call_unref(call);
	}
	unref(c);
}

void host_call_finish(struct host_call *c, struct rpc_str result_json,
		      struct rpc_str binary)
{
	struct rpc_execute_response response = {.outcome = RPC_OUTCOME_RESULT,
						.result_json = result_json,
						.binary_result = binary};

	respond(c, &response);
}

void host_call_fail(struct host_call *c, const char *type, const char *message)
{
	struct rpc_execute_response response = {
	    .outcome = RPC_OUTCOME_ERROR, .error = {.type = type, .message = message}};

	respond(c, &response);
}

static void refuse(struct host_call *c, enum error_kind kind, const char *text)
{
	struct rpc_server_call *call;

	if (may_answer(c)) {
		call = rpc_server_call_ref(c->call);
		error_kind_finish(call, kind, text);
		rpc_server_call_unref(call);
	}
	unref(c);
}

/* The tool still has it, and may take its time. */
static void on_cancelled(struct rpc_server_call *call)
{
	struct host_call *c = rpc_server_call_user(call);

	if (may_answer(c))
		error_kind_finish(call, ERROR_CANCELLED, "the caller went away");
}

static void on_done(struct rpc_server_call *call)
{
	struct host_call *c = rpc_server_call_user(call);

	unref(c);
	rpc_server_call_unref(call);
}

/* ---- threads ------------------------------------------------------------- */

static struct host_call *next_call_locked(struct host_tools *tools)
{
	struct list *node;

	while (!(node = list_first(&tools->waiting)) && !tools->stopping)
		pthread_cond_wait(&tools->wake, &tools->mutex);
	if (!node)
		return NULL;
	list_remove(node);
	tools->waiting_nr--;
	return list_entry(node, struct host_call, node);
}

static void *thread_main(void *arg)
{
	struct host_tools *tools = arg;
	struct host_call *c;

	pthread_mutex_lock(&tools->mutex);
	while ((c = next_call_locked(tools))) {
		bool stopping = tools->stopping;

		pthread_mutex_unlock(&tools->mutex);
		if (stopping)
			refuse(c, ERROR_STOPPING, NULL);
		else
			c->tool->fn(c, c->tool->user);
		pthread_mutex_lock(&tools->mutex);
	}
	pthread_mutex_unlock(&tools->mutex);
	return NULL;
}

/* Signals belong to the thread that reads them. */
static int start_threads_locked(struct host_tools *tools)
{
	sigset_t all, old;
	int rc = 0;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (tools->threads_nr < HOST_TOOLS_THREADS && rc == 0) {
		rc = pthread_create(&tools->threads[tools->threads_nr], NULL,
				    thread_main, tools);
		if (rc == 0)
			(void)pthread_setname_np(tools->threads[tools->threads_nr++],
						 "snp-host-tool");
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return tools->threads_nr ? 0 : -rc;
}

/* ---- the registry -------------------------------------------------------- */

void host_tools_init(struct host_tools *tools)
{
	*tools = (struct host_tools){.tools = NULL};
	(void)pthread_mutex_init(&tools->mutex, NULL);
	(void)pthread_cond_init(&tools->wake, NULL);
	list_init(&tools->waiting);
	tools->live = true;
}

static void free_tool(struct host_tool *tool)
{
	struct rpc_parameter *parameters = (struct rpc_parameter *)tool->parameters;

	for (size_t i = 0; parameters && i < tool->parameters_nr; i++) {
		free((char *)parameters[i].name);
		free((char *)parameters[i].type);
		free((char *)parameters[i].description);
		free((char *)parameters[i].validation_json);
		free((char *)parameters[i].default_json.data);
	}
	free(parameters);
	free((char *)tool->name);
	free((char *)tool->description);
	free(tool);
}

void host_tools_fini(struct host_tools *tools)
{
	if (!tools->live)
		return;
	tools->live = false;
	pthread_mutex_lock(&tools->mutex);
	tools->stopping = true;
	pthread_cond_broadcast(&tools->wake);
	pthread_mutex_unlock(&tools->mutex);
	for (unsigned i = 0; i < tools->threads_nr; i++)
		SNP_CHECK(pthread_join(tools->threads[i], NULL) == 0);
	for (size_t i = 0; i < tools->tools_nr; i++)
		free_tool(tools->tools[i]);
	free(tools->tools);
	(void)pthread_cond_destroy(&tools->wake);
	(void)pthread_mutex_destroy(&tools->mutex);
}

static bool copy_text(const char **ret, const char *text)
{
	*ret = strdup(text ? text : "");
	return *ret != NULL;
}

static bool copy_parameter(struct rpc_parameter *to, const struct rpc_parameter *from)
{
	char *value = NULL;

	if (from->default_json.data) {
		value = malloc(from->default_json.len + 1);
		if (!value)
			return false;
		memcpy(value, from->default_json.data, from->default_json.len);
	}
	to->default_json = (struct rpc_str){value, from->default_json.len};
	to->required = from->required;
	return copy_text(&to->name, from->name) && copy_text(&to->type, from->type) &&
	       copy_text(&to->description, from->description) &&
	       copy_text(&to->validation_json, from->validation_json);
}

static struct host_tool *copy_tool(const struct host_tool *from)
{
	struct host_tool *to = calloc(1, sizeof(*to));
	struct rpc_parameter *parameters =
	    calloc(from->parameters_nr + 1, sizeof(*parameters));
	bool ok = to && parameters;

	if (!to) {
		free(parameters);
		return NULL;
	}
	to->parameters = parameters;
	to->parameters_nr = from->parameters_nr;
	to->fn = from->fn;
	to->user = from->user;
	ok = ok && copy_text(&to->name, from->name) &&
	     copy_text(&to->description, from->description);
	for (size_t i = 0; ok && i < from->parameters_nr; i++)
		ok = copy_parameter(&parameters[i], &from->parameters[i]);
	if (ok)
		return to;
	free_tool(to);
	return NULL;
}

static struct host_tool *find_locked(const struct host_tools *tools, const char *name)
{
	for (size_t i = 0; i < tools->tools_nr; i++)
		if (strcmp(tools->tools[i]->name, name) == 0)
			return tools->tools[i];
	return NULL;
}

static int add_locked(struct host_tools *tools, const struct host_tool *tool,
		      struct snp_err *err)
{
	struct host_tool **grown, *copy;
	int rc;

	if (find_locked(tools, tool->name))
		return snp_err_set(err, -EEXIST, "host tool '%s' is registered already",
				   tool->name);
	if (tools->tools_nr == HOST_TOOLS_MAX)
		return snp_err_set(err, -ENOSPC, "%d host tools are registered already",
				   HOST_TOOLS_MAX);
	rc = start_threads_locked(tools);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot start threads for host tools");
	grown =
	    realloc(tools->tools, (tools->tools_nr + 1) * sizeof(struct host_tool *));
	if (grown)
		tools->tools = grown;
	copy = grown ? copy_tool(tool) : NULL;
	if (!copy)
		return snp_err_set(err, -ENOMEM, "out of memory for host tool '%s'",
				   tool->name);
	tools->tools[tools->tools_nr++] = copy;
	return 0;
}

int host_tools_register(struct host_tools *tools, const struct host_tool *tool,
			struct snp_err *err)
{
	size_t len = strlen(tool->name);
	int rc;

	if (len == 0 || len >= TOOLS_NAME_BYTES)
		return snp_err_set(err, -EINVAL,
				   "the name of a host tool has 1 to %d bytes",
				   TOOLS_NAME_BYTES - 1);
	pthread_mutex_lock(&tools->mutex);
	rc = add_locked(tools, tool, err);
	pthread_mutex_unlock(&tools->mutex);
	return rc;
}

int host_tools_list(struct host_tools *tools, struct rpc_arena *arena,
		    struct rpc_tools *ret_list)
{
	struct rpc_tools list = {0};
	int rc;

	pthread_mutex_lock(&tools->mutex);
	if (tools->tools_nr)
		list.v = rpc_arena_calloc(arena, tools->tools_nr, sizeof(*list.v));
	for (size_t i = 0; list.v && i < tools->tools_nr; i++) {
		const struct host_tool *tool = tools->tools[i];

		list.v[list.n++] = (struct rpc_tool){
		    .name = tool->name,
		    .description = tool->description,
		    .parameters = (struct rpc_parameter *)tool->parameters,
		    .n_parameters = tool->parameters_nr,
		};
	}
	rc = list.n == tools->tools_nr ? 0 : -ENOMEM;
	pthread_mutex_unlock(&tools->mutex);
	if (rc == 0)
		*ret_list = list;
	return rc;
}

/* ---- handlers ------------------------------------------------------------ */

void host_tools_on_list(struct rpc_server_call *call, struct rpc_buf *request,
			void *front)
{
	struct rpc_tools list = {0};
	struct rpc_buf *reply = NULL;
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	int rc;

	(void)request; /* every session may use every tool */
	host_call_identify(front, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = host_tools_list(&((struct front *)front)->host_tools, &arena, &list);
	if (rc == 0)
		rc = rpc_bridge_encode_exposed_tools(&list, &reply);
	host_call_reply(call, reply, rc);
	rpc_arena_fini(&arena);
}

/* Give the call to a thread; ERROR_KIND_NR, or why not. */
static enum error_kind hand_over(struct host_tools *tools, struct host_call *c)
{
	enum error_kind kind = ERROR_KIND_NR;

	pthread_mutex_lock(&tools->mutex);
	c->tool = find_locked(tools, c->msg.tool);
	if (!c->tool) {
		kind = ERROR_HOST_TOOL_NOT_FOUND;
	} else if (tools->waiting_nr == HOST_TOOLS_WAITING) {
		kind = ERROR_HOST_TOOLS_BUSY;
	} else {
		list_add_last(&tools->waiting, &c->node);
		tools->waiting_nr++;
		pthread_cond_signal(&tools->wake);
	}
	pthread_mutex_unlock(&tools->mutex);
	return kind;
}

static void adopt_correlation(struct host_call *c)
{
	const struct rpc_md_in *md = rpc_server_call_metadata(c->call);
	struct rpc_str given = rpc_md_in_get(md, RPC_MD_CORRELATION_ID);

	if (rpc_correlation_adopt(given, c->correlation) == RPC_CORRELATION_REPLACED)
		log_warn("correlation id of a worker is not valid, using a new one",
			 LOG_CONTEXT(
			     ((struct log_context){.correlation_id = c->correlation})),
			 LOG_U64("given_len", given.len));
}

static const char *keep_text(struct host_call *c, struct rpc_str text)
{
	char *copy = rpc_arena_alloc(&c->arena, text.len + 1);

	if (!copy)
		return "";
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return copy;
}

/* Whoever carries the trace on in this program gets what a worker would. */
static void take_trace(struct host_call *c)
{
	const struct rpc_md_in *md = rpc_server_call_metadata(c->call);
	struct trace_context parent;
	struct trace_buffers buffers;
	struct rpc_md_list list = {0};
	const char **to;

	c->trace = (struct host_call_trace){"", "", ""};
	trace_incoming(md, &parent);
	trace_outgoing(&buffers, md, &parent, &parent, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct rpc_str key = list.v[i].key;

		if (rpc_str_equal(key, rpc_str_of(RPC_MD_BAGGAGE)))
			to = &c->trace.baggage;
		else if (!parent.span)
			continue;
		else if (rpc_str_equal(key, rpc_str_of(RPC_MD_TRACESTATE)))
			to = &c->trace.state;
		else
			to = &c->trace.parent;
		*to = keep_text(c, list.v[i].value);
	}
}

static struct host_call *create_call(struct rpc_server_call *call)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = on_cancelled,
						       .on_done = on_done};
	struct host_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	atomic_init(&c->refs, 2);
	list_init(&c->node);
	rpc_arena_init(&c->arena, 0);
	c->call = rpc_server_call_ref(call);
	c->started = snp_mono_now();
	c->deadline = rpc_server_call_deadline(call);
	adopt_correlation(c);
	take_trace(c);
	rpc_server_call_set_ops(call, &ops, c);
	return c;
}

void host_tools_on_call(struct rpc_server_call *call, struct rpc_buf *request,
			void *front)
{
	struct host_tools *tools = &((struct front *)front)->host_tools;
	struct host_call *c = create_call(call);
	struct snp_err err = {0};
	enum error_kind kind;
	char text[RPC_STATUS_MSG_BYTES];
	int rc;

	if (!c) {
		error_kind_finish(call, ERROR_OUT_OF_MEMORY, NULL);
		return;
	}
	rc = rpc_bridge_decode_host_tool(request, &c->arena, &c->msg, &err);
	if (rc < 0) {
		refuse(c, error_kind_of_errno(rc), err.msg);
		return;
	}
	kind = hand_over(tools, c);
	if (kind == ERROR_KIND_NR)
		return;
	(void)snprintf(text, sizeof(text), "%s: '%.128s'", error_kinds[kind].meaning,
		       c->msg.tool);
	refuse(c, kind, text);
}
