/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz the reader: attach, two snapshots, every series, row and event, the verdict.
 *
 * A whole file as input would drown the fuzzer in checksums and zeros. The input is
 * instead a list of damages to a good segment, ten bytes each: where (region and offset
 * within it) and what. Checksums are made fresh afterwards unless the first byte is
 * odd. The file stays mapped; after each input the good bytes come back.
 *
 *     make fuzz TARGET=segment TIME=60
 */
#include "segment_lab.h"

struct damage {
	uint8_t place; /* 0 header, 1 directory, then the regions in their order */
	uint8_t how;   /* what becomes of the word: see apply() */
	uint32_t at;   /* 8-byte word within the place */
	uint32_t value;
} __attribute__((packed));

static struct lab *lab;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bench_clear(void)
{
	lab_destroy(&lab);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	lab = lab_make();
	SNP_CHECK(atexit(bench_clear) == 0);
	return 0;
}

/* The word a damage means; always inside the file. */
static uint64_t word_offset(const struct damage *d)
{
	const struct snp_fmt_region *dir = (const void *)(lab->good + SNP_FMT_DIR_OFF);
	const struct snp_fmt_header *h = (const void *)lab->good;
	uint64_t off = 0, len = SNP_FMT_HEADER_BYTES;

	if (d->place == 1) {
		off = SNP_FMT_DIR_OFF;
		len = (h->dir_count + 2) * sizeof(*dir);
	} else if (d->place > 1) {
		const struct snp_fmt_region *r = &dir[(d->place - 2u) % h->dir_count];

		off = r->off;
		len = r->outer_count * (r->outer_stride ? r->outer_stride : r->len);
		if (len > lab->size - off)
			len = lab->size - off;
	}
	return off + d->at % (len / 8) * 8;
}

static void apply(const struct damage *d)
{
	uint64_t *word = (void *)(lab->map + word_offset(d));
	unsigned shift = (d->how >> 3) * 2;

	switch (d->how & 7) {
	case 0:
		*word = d->value;
		break;
	case 1:
		*word = (uint64_t)d->value << 32;
		break;
	case 2:
		*word += (uint64_t)(int64_t)(int32_t)d->value;
		break;
	case 3:
		*word ^= (uint64_t)d->value << shift;
		break;
	case 4:
		*word = UINT64_MAX - d->value;
		break;
	case 5:
		*word = UINT64_C(1) << (d->value % 64);
		break;
	case 6:
		((uint32_t *)(void *)word)[d->how >> 7] = d->value;
		break;
	default:
		((uint8_t *)word)[(d->how >> 3) & 7] = (uint8_t)d->value;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snp_err err = {0};
	int seal = size == 0 || data[0] % 2 == 0;
	size_t from = 1;
	struct damage d;

	for (; from + sizeof(d) <= size; from += sizeof(d)) {
		memcpy(&d, data + from, sizeof(d));
		apply(&d);
	}
	if (seal)
		lab_seal(lab);
	SNP_CHECK(lab_probe(lab, &err) == err.code);
	lab_restore(lab);
	return 0;
}
