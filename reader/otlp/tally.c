/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <stdio.h>
#include <string.h>

#define OTHER "_OTHER" /* as the conventions call it */

static struct otlp_tally_error *error_of(struct otlp_tally *tally, const char *type)
{
	struct otlp_tally_error *error;

	for (unsigned i = 0; i < tally->errors_nr; i++)
		if (strcmp(tally->errors[i].type, type) == 0)
			return &tally->errors[i];
	if (tally->errors_nr == OTLP_TALLY_ERRORS)
		return &tally->errors[OTLP_TALLY_ERRORS - 1];
	if (tally->errors_nr == OTLP_TALLY_ERRORS - 1)
		type = OTHER;
	error = &tally->errors[tally->errors_nr++];
	(void)snprintf(error->type, sizeof(error->type), "%s", type);
	return error;
}

void otlp_tally_add(struct otlp_tally *tally, const struct otlp_report *report)
{
	uint64_t lost = report->rejected + report->dropped;

	tally->sent += report->sent;
	tally->not_sent += lost;
	tally->requests++;
	tally->duration_ns += report->duration_ns;
	if (lost > 0)
		error_of(tally, report->error[0] ? report->error : OTHER)->items +=
		    lost;
}
