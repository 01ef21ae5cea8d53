/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_spec.h"

#include <errno.h>

#include "codec.h"

typedef Snakepit__Bridge__ToolSpec pb_spec;
typedef Snakepit__Bridge__ParameterSpec pb_parameter;

/* ---- Decoding ------------------------------------------------------------ */

static struct rpc_parameter parameter_of(const pb_parameter *m)
{
	struct rpc_parameter parameter = {
	    .name = m->name,
	    .type = m->type,
	    .description = m->description,
	    .validation_json = m->validation_json,
	    .required = m->required,
	};

	if (m->default_value && m->default_value->value.len)
		parameter.default_json = rpc__str_of_bytes(m->default_value->value);
	return parameter;
}

int rpc__tool_of_spec(const pb_spec *spec, struct rpc_arena *arena,
		      struct rpc_tool *ret)
{
	struct rpc_tool tool = {
	    .name = spec->name,
	    .description = spec->description,
	    .n_parameters = spec->n_parameters,
	    .supports_streaming = spec->supports_streaming,
	};

	if (tool.n_parameters) {
		tool.parameters = rpc_arena_calloc(arena, tool.n_parameters,
						   sizeof(*tool.parameters));
		if (!tool.parameters)
			return -ENOMEM;
	}
	for (size_t i = 0; i < tool.n_parameters; i++)
		tool.parameters[i] = parameter_of(spec->parameters[i]);
	if (RPC__DECODE_MAP(spec, metadata, arena, &tool.metadata) < 0)
		return -ENOMEM;
	*ret = tool;
	return 0;
}

/* ---- Encoding ------------------------------------------------------------ */

static int fill_default(const struct rpc_parameter *in, struct rpc_arena *arena,
			pb_parameter *m)
{
	if (!in->default_json.data)
		return 0;
	m->default_value = rpc_arena_alloc(arena, sizeof(*m->default_value));
	if (!m->default_value)
		return -ENOMEM;
	google__protobuf__any__init(m->default_value);
	m->default_value->type_url = rpc__str(RPC__JSON_TYPE_URL);
	m->default_value->value = rpc__bytes(in->default_json);
	return 0;
}

static int fill_parameters(const struct rpc_tool *tool, struct rpc_arena *arena,
			   pb_spec *m)
{
	pb_parameter *storage;

	if (tool->n_parameters == 0)
		return 0;
	m->parameters =
	    rpc_arena_calloc(arena, tool->n_parameters, sizeof(pb_parameter *));
	storage = rpc_arena_calloc(arena, tool->n_parameters, sizeof(*storage));
	if (!m->parameters || !storage)
		return -ENOMEM;
	m->n_parameters = tool->n_parameters;
	for (size_t i = 0; i < tool->n_parameters; i++) {
		const struct rpc_parameter *in = &tool->parameters[i];
		pb_parameter *out = &storage[i];

		snakepit__bridge__parameter_spec__init(out);
		out->name = rpc__str(in->name);
		out->type = rpc__str(in->type);
		out->description = rpc__str(in->description);
		out->validation_json = rpc__str(in->validation_json);
		out->required = in->required;
		if (fill_default(in, arena, out) < 0)
			return -ENOMEM;
		m->parameters[i] = out;
	}
	return 0;
}

int rpc__specs_of_tools(const struct rpc_tools *tools, struct rpc_arena *arena,
			pb_spec ***ret_specs)
{
	pb_spec **specs = NULL, *storage = NULL;

	if (tools->n) {
		specs = rpc_arena_calloc(arena, tools->n, sizeof(pb_spec *));
		storage = rpc_arena_calloc(arena, tools->n, sizeof(*storage));
		if (!specs || !storage)
			return -ENOMEM;
	}
	for (size_t i = 0; i < tools->n; i++) {
		const struct rpc_tool *tool = &tools->v[i];
		pb_spec *spec = &storage[i];

		snakepit__bridge__tool_spec__init(spec);
		spec->name = rpc__str(tool->name);
		spec->description = rpc__str(tool->description);
		spec->supports_streaming = tool->supports_streaming;
		if (fill_parameters(tool, arena, spec) < 0 ||
		    RPC__ENCODE_MAP(snakepit__bridge__tool_spec, metadata,
				    &tool->metadata, arena, spec, metadata) < 0)
			return -ENOMEM;
		specs[i] = spec;
	}
	*ret_specs = specs;
	return 0;
}
