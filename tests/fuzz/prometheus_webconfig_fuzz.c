/* SPDX-License-Identifier: Apache-2.0 */
/* A web.config.file of any bytes: refused with one line, or understood whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct webconfig *config = NULL;
	struct snp_err err = {0};

	if (webconfig_parse((const char *)data, size, "f", &config, &err) < 0) {
		if (config || err.code >= 0 || strncmp(err.msg, "f:", 2) != 0 ||
		    strchr(err.msg, '\n'))
			abort();
		return 0;
	}
	for (size_t i = 0; i < config->users.nr; i++)
		if (strlen(config->users.items[i].value) != 60)
			abort();
	if (config->interval_ns > 0 && config->burst == 0)
		abort();
	webconfig_destroy(&config);
	return 0;
}
