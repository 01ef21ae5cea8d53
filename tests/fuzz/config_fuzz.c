/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration of any bytes: refused with one line that says where, or understood
 * whole, so that what is shown of it is the same configuration again.
 *
 *     make fuzz TARGET=config TIME=60
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of memory that the caller frees. */
static char *shown(const struct snp_config *cfg)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out || snp_config_show(out, cfg) < 0 || fclose(out) != 0)
		abort();
	return text;
}

static void check_round_trip(const struct snp_config *cfg)
{
	char *first = shown(cfg), *second;
	struct snp_config *again = NULL;
	struct snp_err err = {0};

	if (snp_config_parse(first, strlen(first), "shown", &again, &err) < 0) {
		(void)fprintf(stderr, "%s\n%s", err.msg, first);
		abort();
	}
	second = shown(again);
	if (strcmp(first, second) != 0) {
		(void)fprintf(stderr, "%s---\n%s", first, second);
		abort();
	}
	free(second);
	free(first);
	snp_config_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};

	if (snp_config_parse((const char *)data, size, "f", &cfg, &err) < 0) {
		if (cfg || err.code >= 0 || strncmp(err.msg, "f:", 2) != 0 ||
		    strchr(err.msg, '\n'))
			abort();
		return 0;
	}
	check_round_trip(cfg);
	snp_config_destroy(&cfg);
	return 0;
}
