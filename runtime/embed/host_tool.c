/* SPDX-License-Identifier: Apache-2.0 */
/* Tools of the program, offered to Python. */
#include <errno.h>
#include <stdlib.h>

#include "core/host_tools.h"
#include "embed/embed.h"

/* snp_host_call is the front door's host_call under the name that programs know. */
static struct host_call *inner(struct snp_host_call *call)
{
	return (struct host_call *)(void *)call;
}

static const struct host_call *inner_const(const struct snp_host_call *call)
{
	return (const struct host_call *)(const void *)call;
}

struct offer {
	struct offer *next; /* all of a runtime, until it is destroyed */
	const struct snp_runtime *rt;
	snp_host_tool_fn fn;
	void *user;
};

static void run_offer(struct host_call *call, void *user)
{
	const struct offer *offer = user;
	const struct snp_runtime *before = embed_callback_begin(offer->rt);

	offer->fn((struct snp_host_call *)(void *)call, offer->user);
	embed_callback_end(before);
}

static int check_tool(const struct snp_host_tool *tool, struct snp_err *err)
{
	if (!tool || !tool->fn)
		return snp_err_set(err, -EINVAL,
				   "expected a tool with a function, not NULL");
	if (tool->parameters_nr && !tool->parameters)
		return snp_err_set(err, -EINVAL,
				   "parameters: expected %zu of them, not NULL",
				   tool->parameters_nr);
	for (size_t i = 0; i < tool->parameters_nr; i++)
		if (!tool->parameters[i].name)
			return snp_err_set(err, -EINVAL,
					   "parameters[%zu]: expected a name, not NULL",
					   i);
	return 0;
}

static struct rpc_parameter *copy_parameters(const struct snp_host_tool *tool)
{
	struct rpc_parameter *to = calloc(tool->parameters_nr + 1, sizeof(*to));

	for (size_t i = 0; to && i < tool->parameters_nr; i++) {
		const struct snp_host_parameter *from = &tool->parameters[i];

		to[i] = (struct rpc_parameter){
		    .name = from->name,
		    .type = from->type ? from->type : "",
		    .description = from->description ? from->description : "",
		    .validation_json = "",
		    .required = from->is_required != 0,
		};
	}
	return to;
}

static int offer_checked(struct snp_runtime *rt, const struct snp_host_tool *tool,
			 struct snp_err *err)
{
	struct rpc_parameter *parameters = copy_parameters(tool);
	struct offer *offer = malloc(sizeof(*offer));
	struct host_tool inside = {
	    .name = tool->name ? tool->name : "",
	    .description = tool->description ? tool->description : "",
	    .parameters = parameters,
	    .parameters_nr = tool->parameters_nr,
	    .fn = run_offer,
	    .user = offer,
	};
	int rc = -ENOMEM;

	if (parameters && offer) {
		*offer = (struct offer){.rt = rt, .fn = tool->fn, .user = tool->user};
		rc = host_tools_register(runtime_host_tools(rt->runtime), &inside, err);
	} else {
		(void)snp_err_set(err, rc, "out of memory");
	}
	free(parameters);
	if (rc < 0) {
		free(offer);
		return rc;
	}
	pthread_mutex_lock(&rt->lock);
	offer->next = rt->offers;
	rt->offers = offer;
	pthread_mutex_unlock(&rt->lock);
	return 0;
}

int snp_runtime_offer(struct snp_runtime *rt, const struct snp_host_tool *tool,
		      struct snp_err *err)
{
	int rc = embed_check(rt, err);

	if (rc == 0)
		rc = check_tool(tool, err);
	return rc < 0 ? rc : offer_checked(rt, tool, err);
}

void embed_offers_free(struct snp_runtime *rt)
{
	struct offer *next;

	for (struct offer *offer = rt->offers; offer; offer = next) {
		next = offer->next;
		free(offer);
	}
	rt->offers = NULL;
}

/* ---- a call -------------------------------------------------------------- */

const char *snp_host_call_argument(const struct snp_host_call *call, const char *name,
				   size_t *ret_len)
{
	struct rpc_str value = {0};

	if (call && name)
		value = rpc_pairs_get(&host_call_request(inner_const(call))->arguments,
				      name);
	if (ret_len)
		*ret_len = value.len;
	return value.data;
}

const char *snp_host_call_session(const struct snp_host_call *call)
{
	return call ? host_call_request(inner_const(call))->session_id : "";
}

const char *snp_host_call_correlation(const struct snp_host_call *call)
{
	return call ? host_call_correlation(inner_const(call)) : "";
}

const char *snp_host_call_traceparent(const struct snp_host_call *call)
{
	return call ? host_call_trace(inner_const(call))->parent : "";
}

const char *snp_host_call_tracestate(const struct snp_host_call *call)
{
	return call ? host_call_trace(inner_const(call))->state : "";
}

const char *snp_host_call_baggage(const struct snp_host_call *call)
{
	return call ? host_call_trace(inner_const(call))->baggage : "";
}

void snp_host_call_finish(struct snp_host_call *take_call, const char *result_json)
{
	if (take_call)
		host_call_finish(inner(take_call),
				 rpc_str_of(result_json ? result_json : "null"),
				 (struct rpc_str){0});
}

void snp_host_call_fail(struct snp_host_call *take_call, const char *type,
			const char *message)
{
	if (take_call)
		host_call_fail(inner(take_call), type ? type : "Error",
			       message ? message : "");
}
