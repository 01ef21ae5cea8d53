/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ours SHAPE FILE - render pages when asked, for scrape_peers.py.
 *
 * SHAPE is "scalars" or "histograms". Writes a page in the text format to FILE, from
 * which the others make the same series; prints its samples and bytes. Then for each
 * line on stdin one more: prints the nanoseconds it took, the copy of the segment
 * included.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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

struct scrape {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct page_room *room;
	struct page_source source;
	struct page page;
	struct own_totals totals;
	struct snp_buf buf;
};

static void open_scrape(struct scrape *s, const char *path,
			const struct scrape_filter *filter)
{
	*s = (struct scrape){.source = {.up = true, .totals = &s->totals}};
	if (snp_segment_attach(path, &s->seg, NULL) < 0 ||
	    snp_segment_snapshot(s->seg, &s->snap, NULL) < 0 ||
	    families_create(s->snap, FAMILIES_DEFAULT, NULL, &s->source.families) < 0 ||
	    page_room_create(&s->room) < 0)
		bench_die("cannot attach");
	s->source.seg = s->seg;
	s->page =
	    (struct page){.filter = filter, .sources = &s->source, .sources_nr = 1};
}

static void close_scrape(struct scrape *s)
{
	snp_buf_fini(&s->buf);
	page_room_destroy(&s->room);
	families_destroy(&s->source.families);
	snp_snapshot_destroy(&s->snap);
	snp_segment_detach(&s->seg);
}

/* Returns the nanoseconds it took. */
static uint64_t scrape(struct scrape *s)
{
	snp_mono_t begin = snp_mono_now();

	if (snp_segment_snapshot(s->seg, &s->snap, NULL) < 0)
		bench_die("no snapshot");
	s->source.snap = s->snap;
	snp_buf_reset(&s->buf);
	page_render(s->room, &s->page, &s->buf);
	return snp_mono_since_ns(snp_mono_now(), begin);
}

static void write_page(struct scrape *s, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)scrape(s);
	if (fd < 0 || snp_buf_write_fd(&s->buf, fd) < 0 || close(fd) < 0)
		bench_die("cannot write %s", path);
	(void)printf("%" PRIu64 " %zu\n", samples_of(&s->buf), s->buf.len);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static const char *const name = "snakepit_request_duration_seconds";
	bool histograms = argc == 3 && strcmp(argv[1], "histograms") == 0;
	const struct scrape_filter durations = {
	    .groups = SCRAPE_GROUPS_ALL, .names = &name, .names_nr = 1};
	struct bench_segment segment;
	struct scrape s;
	char line[16];

	if (argc != 3)
		bench_die("usage: peer_ours scalars|histograms FILE");
	bench_segment_create(
	    &segment, (struct bench_segment_size){.workers = histograms ? 1 : WORKERS,
						  .tools = histograms ? TOOLS : 1,
						  .banks = 1});
	if (histograms)
		count_tools(&segment);
	else
		count_workers(&segment);
	open_scrape(&s, segment.path, histograms ? &durations : &scrape_filter_all);
	write_page(&s, argv[2]);
	while (fgets(line, sizeof(line), stdin)) {
		(void)printf("%" PRIu64 "\n", scrape(&s));
		(void)fflush(stdout);
	}
	close_scrape(&s);
	bench_segment_remove(&segment);
	return 0;
}
