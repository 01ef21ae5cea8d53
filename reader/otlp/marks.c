/* SPDX-License-Identifier: Apache-2.0 */
#include "marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETS 64 /* chosen by the trace id, whose last bits are random */

struct otlp_marks {
	struct set {
		uint64_t nr; /* ever added */
		struct otlp_mark ring[OTLP_MARKS_MAX];
	} set[SETS];
};

int otlp_marks_create(struct otlp_marks **ret_marks)
{
	*ret_marks = calloc(1, sizeof(**ret_marks));
	return *ret_marks ? 0 : -ENOMEM;
}

void otlp_marks_destroy(struct otlp_marks **marks)
{
	free(*marks);
	*marks = NULL;
}

void otlp_marks_add(struct otlp_marks *marks, const struct otlp_mark *mark)
{
	struct set *set = &marks->set[mark->trace_id[1] % SETS];

	set->ring[set->nr++ % OTLP_MARKS_MAX] = *mark;
}

static int by_time(const void *a, const void *b)
{
	const struct otlp_mark *left = a, *right = b;

	return (left->mono.ns > right->mono.ns) - (left->mono.ns < right->mono.ns);
}

unsigned otlp_marks_of(const struct otlp_marks *marks, const uint64_t trace_id[2],
		       snp_mono_t start, snp_mono_t end,
		       struct otlp_mark ret_marks[OTLP_MARKS_MAX])
{
	const struct set *set = &marks->set[trace_id[1] % SETS];
	unsigned kept = set->nr < OTLP_MARKS_MAX ? (unsigned)set->nr : OTLP_MARKS_MAX;
	unsigned nr = 0;

	for (unsigned i = 0; i < kept; i++) {
		const struct otlp_mark *mark = &set->ring[i];

		if (memcmp(mark->trace_id, trace_id, sizeof(mark->trace_id)) == 0 &&
		    mark->mono.ns >= start.ns && mark->mono.ns <= end.ns)
			ret_marks[nr++] = *mark;
	}
	qsort(ret_marks, nr, sizeof(*ret_marks), by_time);
	return nr;
}
