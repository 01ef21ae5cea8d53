/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot costs a reader: rows by banks, all rows in use. */
#include <stdio.h>

#include "bench.h"
#include "segment.h"
#include "snakepit/read.h"

struct look {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
};

static void take_snapshots(void *ctx, uint64_t n)
{
	struct look *look = ctx;
	struct snp_err err = {0};

	for (uint64_t i = 0; i < n; i++)
		if (snp_segment_snapshot(look->seg, &look->snap, &err) < 0)
			bench_die("%s", err.msg);
}

static const struct {
	const char *name;
	struct bench_segment_size size;
	double limit_ms;
} grid[] = {
    {"100 workers", {100, 1, 1}, 0},
    {"1,000 workers", {1000, 1, 1}, 0},
    {"10,000 workers", {10000, 1, 1}, 3},
    {"100 tools, 1 bank", {1, 100, 1}, 0},
    {"100 tools, 8 banks", {1, 100, 8}, 0},
    {"1,000 tools, 1 bank", {1, 1000, 1}, 0},
    {"1,000 tools, 8 banks", {1, 1000, 8}, 0},
    {"1,000 workers, 100 tools, 16 banks", {1000, 100, 16}, 0},
};
#define GRID_NR (sizeof(grid) / sizeof(grid[0]))

/* Every bank in use, every tool counted in each. */
static void fill_banks(struct bench_segment *segment, struct bench_segment_size size)
{
	for (uint32_t b = 0; b < size.banks; b++) {
		struct snp_bank bank = bench_bank_adopt(segment);

		for (uint32_t t = 0; t < size.tools; t++)
			bench_finished_call(&bank.tools[t], 0, 1000000 * (t + 1));
	}
}

static void take_checksummed(void *ctx, uint64_t n)
{
	struct look *look = ctx;
	struct snp_err err = {0};

	for (uint64_t i = 0; i < n; i++)
		if (snp_segment_snapshot_from(look->seg, SNP_TIER_SNAP, &look->snap,
					      &err) < 0)
			bench_die("%s", err.msg);
}

static void write_checksummed(void *ctx, uint64_t n)
{
	struct bench_segment *segment = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_writer_snap(segment->writer);
}

static void open_look(struct look *look, const char *path)
{
	struct snp_err err = {0};

	if (snp_segment_attach(path, &look->seg, &err) < 0)
		bench_die("%s", err.msg);
}

static void close_look(struct look *look)
{
	snp_snapshot_destroy(&look->snap);
	snp_segment_detach(&look->seg);
}

static void print(const char *what, const char *of, const struct bench_samples *samples,
		  double limit_ms)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "%s: %s", what, of);
	bench_print(&(struct bench_row){
	    .name = name,
	    .unit = "ms",
	    .scale = 1e-6,
	    .samples = samples,
	    .target = limit_ms > 0 ? BENCH_VALUE_AT_MOST : BENCH_NO_TARGET,
	    .limit = limit_ms,
	});
}

int main(void)
{
	enum { CHECKSUMMED = GRID_NR, WRITER, NR, BIG = 2 };
	struct bench_segment segments[GRID_NR];
	struct look looks[GRID_NR] = {0}, checksummed = {0};
	struct bench_variant variants[NR] = {0};
	struct bench_samples samples[NR];

	bench_print_ghz();
	for (size_t i = 0; i < GRID_NR; i++) {
		bench_segment_create(&segments[i], grid[i].size);
		fill_banks(&segments[i], grid[i].size);
		open_look(&looks[i], segments[i].path);
		variants[i].run = take_snapshots;
		variants[i].ctx = &looks[i];
	}
	snp_writer_snap(segments[BIG].writer);
	open_look(&checksummed, segments[BIG].path);
	variants[CHECKSUMMED].run = take_checksummed;
	variants[CHECKSUMMED].ctx = &checksummed;
	variants[WRITER].run = write_checksummed;
	variants[WRITER].ctx = &segments[BIG];
	bench_measure(variants, NR, samples);

	for (size_t i = 0; i < GRID_NR; i++)
		print("snapshot", grid[i].name, &samples[i], grid[i].limit_ms);
	print("snapshot of SNAP", grid[BIG].name, &samples[CHECKSUMMED], 0);
	print("writer fills SNAP", grid[BIG].name, &samples[WRITER], 0);
	close_look(&checksummed);
	for (size_t i = 0; i < GRID_NR; i++) {
		close_look(&looks[i]);
		bench_segment_remove(&segments[i]);
	}
	bench_print_ghz();
	return 0;
}
