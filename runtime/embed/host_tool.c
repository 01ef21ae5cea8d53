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
	snp_host_tool_fn fn;
	void *user;
};

static void run_offer(struct host_call *call, void *user)
{
	const struct offer *offer = user;

	offer->fn((struct snp_host_call *)(void *)call, offer->user);
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

int snp_runtime_offer(struct snp_runtime *rt, const struct snp_host_tool *tool,
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
		*offer = (struct offer){.fn = tool->fn, .user = tool->user};
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
	struct rpc_str value =
	    rpc_pairs_get(&host_call_request(inner_const(call))->arguments, name);

	*ret_len = value.len;
	return value.data;
}

const char *snp_host_call_session(const struct snp_host_call *call)
{
	return host_call_request(inner_const(call))->session_id;
}

const char *snp_host_call_correlation(const struct snp_host_call *call)
{
	return host_call_correlation(inner_const(call));
}

void snp_host_call_finish(struct snp_host_call *take_call, const char *result_json)
{
	host_call_finish(inner(take_call), rpc_str_of(result_json),
			 (struct rpc_str){0});
}

void snp_host_call_fail(struct snp_host_call *take_call, const char *type,
			const char *message)
{
	host_call_fail(inner(take_call), type, message);
}
