/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime's sampler as a program: trace_sampler NAME ARG, as of OTEL_TRACES_SAMPLER
 * and OTEL_TRACES_SAMPLER_ARG. Reads trace ids of 16 bytes, writes '1' or '0' for each.
 */
#include <endian.h>
#include <stdio.h>

#include "trace/sampler.h"

int main(int argc, char **argv)
{
	const struct snp_cfg_traces cfg = {.ratio = 1};
	const struct trace_context no_parent = {0};
	struct trace_sampler sampler;
	uint64_t id[2];

	if (argc != 3 || trace_sampler_init(&sampler, &cfg, argv[1], argv[2]) != 0) {
		(void)fprintf(stderr, "usage: trace_sampler NAME ARG <ids\n");
		return 2;
	}
	while (fread(id, sizeof(id), 1, stdin) == 1)
		(void)putchar(trace_sampler_decide(&sampler, &no_parent, be64toh(id[1]))
				  ? '1'
				  : '0');
	return ferror(stdout) ? 1 : 0;
}
