/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz snp_segment_attach(): header, directory, schema. What attaches all the same is
 * looked at once, so that a number that should have been refused is used.
 *
 *     make fuzz TARGET=segment_attach TIME=60
 */
#include "segment_damage.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	damage_labs_make();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab *lab = damage_apply(data, size, DAMAGE_ALL);
	struct snp_err err = {0};
	int rc = lab_probe(lab, &err);

	/* Each refusal says what is wrong, in the words of segment.md. */
	SNP_CHECK(rc == err.code);
	SNP_CHECK(rc == 0 || (err.field && snp_attach_outcome(rc) != SNP_ATTACH_NR));
	lab_restore(lab);
	return 0;
}
