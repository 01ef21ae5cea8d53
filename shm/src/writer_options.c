/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer may be asked for: defaults, limits, and the size that follows. */
#include <errno.h>
#include <string.h>

#include "writer_private.h"

#define DAY_S  (24 * 60 * 60)
#define DAY_MS (DAY_S * 1000)

struct range {
	const char *name;
	size_t at; /* in struct snp_writer_options, u32 */
	uint32_t min, max, by_default;
	bool power_of_two;
};

#define RANGE(field, min_, max_, default_, power)                                      \
	{                                                                              \
#field, offsetof(struct snp_writer_options, field), min_, max_,        \
		    default_, power                                                    \
	}

/* A default of 0: the caller has to say. One text takes at most half of EVID, so two
 * records are the least that keep any. */
static const struct range ranges[] = {
    RANGE(pools_max, 1, 1u << 16, 0, false),
    RANGE(workers_max, 1, 1u << 20, 0, false),
    RANGE(tools_max, 1, 1u << 20, 0, false),
    RANGE(banks_max, 1, SNP_RINGS_MAX, 0, false),
    RANGE(events_per_ring, 1, 1u << 20, 1024, true),
    RANGE(spans_per_ring, 1, 1u << 20, 1024, true),
    RANGE(inflight_per_worker, 1, 1u << 12, 1, false),
    RANGE(evidence_max, 2, 1u << 16, 64, false),
    RANGE(adapter_metrics_max, 0, SNP_ADAPTER_METRICS_MAX, 0, false),
    RANGE(history_seconds, 1, DAY_S, 600, false),
    RANGE(reuse_quarantine_ms, 1, DAY_MS, 60000, false),
    RANGE(heartbeat_interval_ms, 1, DAY_MS, 100, false),
    RANGE(stale_after_ms, 1, DAY_MS, 1000, false),
};

static uint32_t option_get(const struct snp_writer_options *o, const struct range *r)
{
	uint32_t value;

	memcpy(&value, (const char *)o + r->at, sizeof(value));
	return value;
}

struct snp_writer_options snp__writer_defaults(const struct snp_writer_options *options)
{
	struct snp_writer_options o = *options;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (option_get(&o, &ranges[i]) == 0)
			memcpy((char *)&o + ranges[i].at, &ranges[i].by_default,
			       sizeof(ranges[i].by_default));
	return o;
}

/* ---- checks -------------------------------------------------------------- */

static bool instance_name_ok(const char *name)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_.-";
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len < SNP_FMT_NAME_BYTES && name[0] != '.' &&
	       strspn(name, allowed) == len;
}

/* The name of a predecessor's file is not an instance's: a restart would overwrite it.
 */
static bool is_predecessor_name(const char *name)
{
	static const char suffix[] = ".prev";
	size_t len = strlen(name), tail = sizeof(suffix) - 1;

	return len > tail && strcmp(name + len - tail, suffix) == 0;
}

static int check_instance(const char *instance, struct snp_err *err)
{
	if (!instance_name_ok(instance))
		return snp_err_set(
		    err, -EINVAL,
		    "instance name '%.80s' must be 1 to %d characters of "
		    "A-Z a-z 0-9 _ . - and not start with a dot",
		    instance ? instance : "", SNP_FMT_NAME_BYTES - 1);
	if (is_predecessor_name(instance))
		return snp_err_set(
		    err, -EINVAL,
		    "instance name '%s' ends in .prev, which is where the "
		    "predecessor of another instance is kept",
		    instance);
	return 0;
}

static int check_range(const struct snp_writer_options *o, const struct range *r,
		       struct snp_err *err)
{
	uint32_t value = option_get(o, r);

	if (value < r->min || value > r->max)
		return snp_err_set_field(err, -EINVAL, r->name,
					 "segment option %s is %u, must be %u to %u",
					 r->name, value, r->min, r->max);
	if (r->power_of_two && (value & (value - 1)))
		return snp_err_set_field(
		    err, -EINVAL, r->name,
		    "segment option %s is %u, must be a power of two", r->name, value);
	return 0;
}

int snp__writer_check(const struct snp_writer_options *o, struct snp_err *err)
{
	int rc = check_instance(o->instance, err);

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && rc == 0; i++)
		rc = check_range(o, &ranges[i], err);
	if (rc < 0)
		return rc;
	if (snp_writer_size(o) > SNP_FMT_MAX_BYTES)
		return snp_err_set(
		    err, -EINVAL,
		    "segment of %llu MiB would be larger than the %llu MiB that "
		    "readers accept; lower its limits",
		    (unsigned long long)(snp_writer_size(o) >> 20),
		    (unsigned long long)(SNP_FMT_MAX_BYTES >> 20));
	return 0;
}

uint64_t snp_writer_size(const struct snp_writer_options *options)
{
	struct snp_writer_options o = snp__writer_defaults(options);
	struct snp__layout layout;

	snp__layout_compute(&o, &layout);
	return layout.total_bytes;
}
