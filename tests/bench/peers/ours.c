/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ours SHAPE - render pages when asked, for scrape_peers.py.
 *
 * SHAPE is "scalars" or "histograms". For each line on stdin one page in the text
 * format: prints the nanoseconds it took, the copy of the segment included, and its
 * samples.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bench.h"
#include "../segment.h"
#include "page.h"
#include "snakepit/read.h"

/* So many that a page has a little more than 100,000 samples. */
#define WORKERS 4540
#define TOOLS	4770

static void count_workers(struct bench_segment *segment)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct snp_worker_row *row = snp_worker_row(segment->writer, i);

		snp_add(&row->hot.pings[0], i * UINT64_C(7919));
		snp_add(&row->hot.pongs[0], i * UINT64_C(7907));
		snp_set(&row->sup.memory[0], i * UINT64_C(104729));
		snp_set(&row->sup.cpu[0], i * UINT64_C(15485863));
	}
}

static void count_tools(struct bench_segment *segment)
{
	struct snp_bank bank = bench_bank_adopt(segment);

	for (uint32_t i = 0; i < TOOLS * 64; i++)
		bench_finished_call(&bank.tools[i / 64], i % 8,
				    (i % 64 + 1) * UINT64_C(15485863));
}

static uint64_t samples_of(const struct snp_buf *page)
{
	const char *at = page->data, *end = page->data + page->len;
	uint64_t samples = 0;

	for (; at < end; at++) {
		samples += *at != '#';
		at = memchr(at, '\n', (size_t)(end - at));
	}
	return samples;
}

int main(int argc, char **argv)
{
	static const char *const name = "snakepit_request_duration_seconds";
	bool histograms = argc == 2 && strcmp(argv[1], "histograms") == 0;
	const struct scrape_filter durations = {
	    .groups = SCRAPE_GROUPS_ALL, .names = &name, .names_nr = 1};
	struct bench_segment segment;
	struct own_totals totals = {0};
	struct page_source source = {.up = true, .totals = &totals};
	struct page page = {.filter = histograms ? &durations : &scrape_filter_all,
			    .sources = &source,
			    .sources_nr = 1};
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct page_room *room = NULL;
	struct snp_buf buf = {0};
	char line[16];

	bench_segment_create(
	    &segment, (struct bench_segment_size){.workers = histograms ? 1 : WORKERS,
						  .tools = histograms ? TOOLS : 1,
						  .banks = 1});
	if (histograms)
		count_tools(&segment);
	else
		count_workers(&segment);
	if (snp_segment_attach(segment.path, &seg, NULL) < 0 ||
	    snp_segment_snapshot(seg, &snap, NULL) < 0 ||
	    families_create(snap, FAMILIES_DEFAULT, NULL, &source.families) < 0 ||
	    page_room_create(&room) < 0)
		bench_die("cannot attach");
	while (fgets(line, sizeof(line), stdin)) {
		snp_mono_t begin = snp_mono_now();

		if (snp_segment_snapshot(seg, &snap, NULL) < 0)
			bench_die("no snapshot");
		source.seg = seg;
		source.snap = snap;
		snp_buf_reset(&buf);
		page_render(room, &page, &buf);
		(void)printf("%" PRIu64 " %" PRIu64 "\n",
			     snp_mono_since_ns(snp_mono_now(), begin),
			     samples_of(&buf));
		(void)fflush(stdout);
	}
	snp_buf_fini(&buf);
	page_room_destroy(&room);
	families_destroy(&source.families);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	bench_segment_remove(&segment);
	return 0;
}
