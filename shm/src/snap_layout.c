/* SPDX-License-Identifier: Apache-2.0 */
#include "snap_layout.h"

/* Bytes of an entry of the region, 0 where there is none. */
static uint64_t stride_of(const struct snp_fmt_region *regions, size_t nr,
			  uint32_t type, uint32_t kind)
{
	for (size_t i = 0; i < nr; i++)
		if (regions[i].type == type && regions[i].kind == kind)
			return regions[i].stride;
	return 0;
}

/* Append a part to an entry; 0 where there is nothing to append. */
static uint64_t part(struct snp_fmt_snap_table *table, uint64_t bytes)
{
	uint64_t at = table->stride;

	table->stride += bytes;
	return bytes ? at : 0;
}

/* Of TEXT in an entry of a kind that has it; readers have a use for that of workers. */
static uint64_t text_bytes(enum snp__image image, uint32_t kind)
{
	if (image == SNP__IMAGE_SNAP)
		return SNP__SNAP_TEXT_BYTES;
	return kind == SNP_ROW_WORKER ? sizeof(uint64_t) : 0;
}

uint64_t snp__snap_tables(enum snp__image image, const struct snp_fmt_region *regions,
			  size_t regions_nr, const uint64_t rows[SNP_ROW_KINDS],
			  struct snp_fmt_snap_table ret_tables[SNP_ROW_KINDS])
{
	const uint64_t latch = sizeof(struct snp_fmt_latch);
	uint64_t length = sizeof(struct snp_fmt_snap);

	for (uint32_t kind = 0; kind < SNP_ROW_KINDS; kind++) {
		struct snp_fmt_snap_table *t = &ret_tables[kind];
		uint64_t rowc = stride_of(regions, regions_nr, SNP_REGION_ROWC, kind);
		uint64_t text = stride_of(regions, regions_nr, SNP_REGION_TEXT, kind);
		uint64_t bank = stride_of(regions, regions_nr, SNP_REGION_BANK, kind);

		*t = (struct snp_fmt_snap_table){
		    .off = length,
		    .count = rows[kind],
		    .stride = snp__image_row_bytes(image, kind),
		};
		t->record = part(t, rowc >= latch ? SNP__SNAP_RECORD_BYTES : 0);
		t->text = part(t, text ? text_bytes(image, kind) : 0);
		t->cells = part(t, rowc > latch ? rowc - latch : 0);
		if (image == SNP__IMAGE_OWN)
			(void)part(t, sizeof(uint64_t) * snp__used_words(bank));
		t->sums = part(t, bank);
		t->ledger = part(
		    t, stride_of(regions, regions_nr, SNP_REGION_LEDG, kind) >= latch
			   ? SNP__SNAP_RECORD_BYTES
			   : 0);
		length += t->count * t->stride;
	}
	return length;
}
