/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer that says how fast it is, for scrape_effect.py: prints the path of its
 * segment, then answers each "measure MS" on stdin with the nanoseconds of a finished
 * call, as the mean over that time. Ends with stdin.
 */
#include <inttypes.h>
#include <stdio.h>

#include "work.h"

#define WORKERS	 100
#define SLICE_NS 1e6

/* So many that a slice takes about SLICE_NS. */
static uint64_t slice_of(const struct bench_variant *variant)
{
	uint64_t n = 1;
	double ns = 0;

	while (ns < SLICE_NS) {
		n *= 2;
		(void)bench_repetition(variant, n, &ns);
	}
	return n;
}

/* Mean and not median: what a reader costs comes in bursts. Slices in which we were off
 * the processor do not count. */
static double mean_ns(const struct bench_variant *variant, uint64_t n,
		      uint64_t period_ns)
{
	uint64_t until = snp_mono_now().ns + period_ns;
	uint64_t slices = 0;
	double sum = 0, ns;

	while (snp_mono_now().ns < until || slices == 0) {
		if (!bench_repetition(variant, n, &ns))
			continue;
		sum += ns;
		slices++;
	}
	return sum / (double)(slices * n);
}

int main(void)
{
	static struct work work;
	const struct bench_variant variant = {.run = work_finished_call, .ctx = &work};
	char line[64];
	uint64_t n, ms;

	bench_fill_inputs(work.inputs);
	bench_segment_create(&work.segment,
			     (struct bench_segment_size){WORKERS, WORK_ROWS, 2});
	work.bank = bench_bank_adopt(&work.segment);
	n = slice_of(&variant);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)puts(work.segment.path);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "measure %" SCNu64, &ms) != 1)
			bench_die("not understood: %s", line);
		snp_writer_heartbeat(work.segment.writer, 0, 1);
		(void)printf("%.4f\n", mean_ns(&variant, n, ms * SNP_NS_PER_MS));
	}
	bench_segment_remove(&work.segment);
	return 0;
}
