/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may send with a scrape: the headers that negotiate the form of the
 * page, and the query that filters it. The input is cut in four at its zero bytes. */
#include <stdlib.h>
#include <string.h>

#include "negotiate.h"
#include "query.h"

#define PARTS 4 /* Accept, Accept-Encoding, key and value of a query */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + PARTS);
	char type[NEGOTIATED_TYPE_BYTES];
	struct scrape_filter filter;
	struct negotiated as;
	const char *part[PARTS];
	struct query query = {0};
	struct snp_err err;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	memset(text + size, 0, PARTS);
	part[0] = text;
	for (int i = 1; i < PARTS; i++) {
		part[i] = part[i - 1] + strlen(part[i - 1]) + 1;
		if (part[i] > text + size)
			part[i] = text + size;
	}
	negotiate(part[0], part[1], &as);
	negotiated_content_type(&as, type);
	if (strlen(type) >= sizeof(type) || as.format >= EXPO_FORMAT_NR)
		abort();
	if (query_add(&query, part[2], part[3], &err) == 0 &&
	    query_finish(&query, SCRAPE_GROUPS_ALL, &filter, &err) == 0)
		(void)scrape_filter_wants(&filter, part[0], false);
	free(text);
	return 0;
}
