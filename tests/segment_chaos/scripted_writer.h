/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted_writer.h - a writer that does everything the library can do, round after
 * round, with records whose words depend on each other (sane.h knows how).
 */
#ifndef SNP_TESTS_SCRIPTED_WRITER_H
#define SNP_TESTS_SCRIPTED_WRITER_H

#include <stdint.h>
#include <stdio.h>

#include "snakepit/write.h"

#define SCRIPT_RING 8 /* events and spans a ring keeps */

struct script {
	struct snp_writer *writer;
	struct snp_bank bank;
	uint64_t round;
	uint32_t pool, worker, tool;
};

static inline uint64_t script_mix(uint64_t v)
{
	return (v + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t script_pid(uint64_t incarnation)
{
	return incarnation ? 1000 + incarnation % 30000 : 0;
}

static inline void script_correlation(uint64_t n,
				      char ret[SNP_INFL_CORRELATION_BYTES + 1])
{
	(void)snprintf(ret, SNP_INFL_CORRELATION_BYTES + 1, "req-%llu-%llu",
		       (unsigned long long)n, (unsigned long long)script_mix(n));
}

/* Make and publish "<dir>/script.seg"; small, quarantine of 1 ms. */
int script_open(struct script *script, const char *dir, struct snp_err *err);

/* One round: counters, histogram, ledger, process record, event, span, in flight,
 * evidence, text, a tool row retired and another declared, heartbeat, SNAP, samples. */
void script_round(struct script *script);

#endif
