/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "rewind.h"
#include "sampler.h"

struct top_source {
	struct top_sampler *sampler;
	struct top_frame newest, past;
	bool rewound; /* `past` is what is shown */
	snp_mono_t cost_at;
	uint64_t cost_ns;
};

int top_source_live(const char *name, struct top_source **ret_source)
{
	struct top_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (top_sampler_create(name, &s->sampler) < 0) {
		free(s);
		return -ENOMEM;
	}
	s->newest.self_cpu_percent = NAN;
	*ret_source = s;
	return 0;
}

void top_source_destroy(struct top_source **source)
{
	struct top_source *s = *source;

	if (!s)
		return;
	top_sampler_destroy(&s->sampler);
	top_frame_fini(&s->newest);
	top_frame_fini(&s->past);
	free(s);
	*source = NULL;
}

/* ---- what we cost -------------------------------------------------------- */

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * SNP_NS_PER_S + (uint64_t)t.tv_usec * 1000;
}

static void tell_cost(struct top_source *s)
{
	snp_mono_t now = snp_mono_now();
	struct rusage usage;
	uint64_t used;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	used = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	if (s->cost_at.ns && now.ns > s->cost_at.ns)
		s->newest.self_cpu_percent = 100.0 * (double)(used - s->cost_ns) /
					     (double)(now.ns - s->cost_at.ns);
	s->newest.self_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	s->cost_at = now;
	s->cost_ns = used;
}

/* ---- frames -------------------------------------------------------------- */

int top_source_tick(struct top_source *s)
{
	s->rewound = false;
	tell_cost(s);
	return top_sampler_tick(s->sampler, &s->newest);
}

void top_source_hold(struct top_source *s)
{
	s->newest.clock = s->past.clock = snp_wall_now();
}

int top_source_seek(struct top_source *s, uint64_t back_ns)
{
	int rc;

	s->rewound = false;
	if (back_ns < SNP_NS_PER_S)
		return 0;
	rc = top_rewind(&s->past, &s->newest, back_ns / SNP_NS_PER_S);
	if (rc < 0)
		return rc;
	s->rewound = s->past.rewound_ns > 0;
	return 0;
}

const struct top_frame *top_source_frame(const struct top_source *s)
{
	return s->rewound ? &s->past : &s->newest;
}
