/* SPDX-License-Identifier: Apache-2.0 */
/* render_json.h - the parts of the JSON renderer. Each adds keys to the object that is
 * open. */
#ifndef SNP_INSPECT_RENDER_JSON_H
#define SNP_INSPECT_RENDER_JSON_H

#include "model/json_out.h"
#include "report.h"

/* Events, spans, requests in flight, history and threads, as the report has them. */
void render_json_records(const struct report *report, struct snp_json *json);

#endif
