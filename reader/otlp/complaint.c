/* SPDX-License-Identifier: Apache-2.0 */
#include "complaint.h"

#include <stdio.h>
#include <string.h>

/* That of the kind, else one to be used for it: a free one, or that said longest ago.
 */
static struct otlp_complaint *find(struct otlp_complaints *complaints, const char *kind)
{
	struct otlp_complaint *oldest = &complaints->kinds[0];

	for (int i = 0; i < OTLP_COMPLAINT_KINDS; i++) {
		struct otlp_complaint *one = &complaints->kinds[i];

		if (strncmp(one->kind, kind, sizeof(one->kind) - 1) == 0)
			return one;
		if (*oldest->kind && (!*one->kind || one->said.ns < oldest->said.ns))
			oldest = one;
	}
	*oldest = (struct otlp_complaint){0};
	return oldest;
}

bool otlp_complaint_is_due(struct otlp_complaints *complaints, const char *kind,
			   snp_mono_t now, uint64_t *ret_unsaid)
{
	struct otlp_complaint *one = find(complaints, kind);

	if (*one->kind && snp_mono_since_ns(now, one->said) <
			      OTLP_COMPLAINT_INTERVAL_MS * SNP_NS_PER_MS) {
		one->unsaid++;
		return false;
	}
	*ret_unsaid = one->unsaid;
	(void)snprintf(one->kind, sizeof(one->kind), "%s", kind);
	one->said = now;
	one->unsaid = 0;
	return true;
}
