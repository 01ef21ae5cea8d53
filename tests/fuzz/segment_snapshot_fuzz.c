/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz what is read after attaching: snapshots of both tiers, events, spans, evidence,
 * requests in flight, history, threads, the verdict. The segment stays attached; rows,
 * values, rings and SNAP change under it, as those of a writer would that has lost its
 * mind.
 *
 *     make fuzz TARGET=segment_snapshot TIME=60
 */
#include "segment_damage.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reader {
	struct lab *lab;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
} readers[2];

static void readers_clear(void)
{
	for (unsigned i = 0; i < 2; i++) {
		snp_snapshot_destroy(&readers[i].snap);
		snp_segment_detach(&readers[i].seg);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	damage_labs_make();
	for (unsigned i = 0; i < 2; i++) {
		readers[i].lab = damage_labs[i];
		SNP_CHECK(snp_segment_attach(damage_labs[i]->path, &readers[i].seg,
					     NULL) == 0);
	}
	SNP_CHECK(atexit(readers_clear) == 0);
	return 0;
}

/* One snapshot object for all looks, so that rows come and go in it. */
static void look(struct reader *r, enum snp_tier tier)
{
	struct snp_err err = {0};
	int rc = snp_segment_snapshot_from(r->seg, tier, &r->snap, &err);

	SNP_CHECK(rc == err.code);
	SNP_CHECK(rc == 0 || (err.field && snp_attach_outcome(rc) != SNP_ATTACH_NR));
	(void)lab_walk(r->seg, r->snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab *lab = damage_apply(data, size, DAMAGE_CONTENT);
	struct reader *r = &readers[lab == readers[1].lab];

	look(r, SNP_TIER_LIVE);
	look(r, SNP_TIER_SNAP);
	(void)snp_segment_verdict(r->seg);
	lab_restore(lab);
	return 0;
}
