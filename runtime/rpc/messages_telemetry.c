/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of the bridge's telemetry stream. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "codec.h"

#define CONTROL(name) SNAKEPIT__BRIDGE__TELEMETRY_CONTROL__CONTROL_##name
#define VALUE(name)   SNAKEPIT__BRIDGE__TELEMETRY_VALUE__VALUE_##name

/* ---- Controls ------------------------------------------------------------ */

int rpc_bridge_encode_telemetry_control(const struct rpc_telemetry_control *in,
					struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__TelemetryControl m;
	Snakepit__Bridge__TelemetryToggle toggle;
	Snakepit__Bridge__TelemetrySamplingUpdate sampling;
	Snakepit__Bridge__TelemetryEventFilter filter;

	snakepit__bridge__telemetry_control__init(&m);
	switch (in->kind) {
	case RPC_TELEMETRY_TOGGLE:
		snakepit__bridge__telemetry_toggle__init(&toggle);
		toggle.enabled = in->enabled;
		m.control_case = CONTROL(TOGGLE);
		m.toggle = &toggle;
		break;
	case RPC_TELEMETRY_SAMPLING:
		snakepit__bridge__telemetry_sampling_update__init(&sampling);
		sampling.sampling_rate = in->sampling_rate;
		sampling.n_event_patterns = in->patterns.n;
		sampling.event_patterns = rpc__strs(in->patterns);
		m.control_case = CONTROL(SAMPLING);
		m.sampling = &sampling;
		break;
	case RPC_TELEMETRY_FILTER:
		snakepit__bridge__telemetry_event_filter__init(&filter);
		filter.n_allow = in->allow.n;
		filter.allow = rpc__strs(in->allow);
		filter.n_deny = in->deny.n;
		filter.deny = rpc__strs(in->deny);
		m.control_case = CONTROL(FILTER);
		m.filter = &filter;
		break;
	}
	return rpc__buf_pack(&m.base, ret_buf);
}

/* ---- Events -------------------------------------------------------------- */

static struct rpc_measurement
measurement_of(const Snakepit__Bridge__TelemetryEvent__MeasurementsEntry *entry)
{
	struct rpc_measurement out = {.key = entry->key, .text = ""};

	if (!entry->value)
		return out;
	switch (entry->value->value_case) {
	case VALUE(INT_VALUE):
		out.kind = RPC_MEASUREMENT_INT;
		out.integer = entry->value->int_value;
		break;
	case VALUE(FLOAT_VALUE):
		out.kind = RPC_MEASUREMENT_FLOAT;
		out.number = entry->value->float_value;
		break;
	case VALUE(STRING_VALUE):
		out.kind = RPC_MEASUREMENT_TEXT;
		out.text = entry->value->string_value;
		break;
	default:
		break;
	}
	return out;
}

static int decode_measurements(const Snakepit__Bridge__TelemetryEvent *m,
			       struct rpc_arena *arena, struct rpc_telemetry_event *out)
{
	out->n_measurements = m->n_measurements;
	if (m->n_measurements == 0)
		return 0;
	out->measurements =
	    rpc_arena_calloc(arena, m->n_measurements, sizeof(*out->measurements));
	if (!out->measurements)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_measurements; i++)
		out->measurements[i] = measurement_of(m->measurements[i]);
	return 0;
}

int rpc_bridge_decode_telemetry_event(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_telemetry_event *ret,
				      struct snp_err *err)
{
	struct rpc_telemetry_event out = {0};
	Snakepit__Bridge__TelemetryEvent *m;
	int rc = RPC__UNPACK(snakepit__bridge__telemetry_event, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.parts = rpc__texts(m->n_event_parts, m->event_parts);
	out.timestamp_ns = m->timestamp_ns;
	out.correlation_id = m->correlation_id;
	if (decode_measurements(m, arena, &out) < 0 ||
	    RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for an event");
	*ret = out;
	return 0;
}
