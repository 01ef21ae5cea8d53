/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages - text pages of a small segment, as fast as they come, beside three writers.
 *
 *   pages DIR PAGES SECONDS [sum-first]
 *
 * Until there are so many pages, or that much time has passed and there are at least
 * ENOUGH. Every page is held against the one before, line by line, and against itself:
 *
 *   - no counter and no bucket falls, no line goes or comes;
 *   - buckets ascend, and +Inf is _count;
 *   - a sum has no more than its observations (DURATION_NS each) account for;
 *   - the halves of a word agree that are written to agree;
 *   - the words of a record belong to one and the same round.
 *
 * `sum-first` adds to the sum before the bucket, which must be found: then the exit
 * status is 1.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "scripted_writer.h"
#include "snakepit/check.h"
#include "snakepit/read.h"

#define WRITERS	      3
#define ENOUGH	      1000
#define PATIENCE_S    120
#define PUBLISH_EVERY 16 /* rounds; a latch that never rests is given up */
#define DURATION_NS   UINT64_C(5000001) /* not on a bound */
#define HALVES	      UINT64_C(0x100000001)

#define LEDGER_WORD(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))

static _Atomic bool stop;

/* ---- writers ------------------------------------------------------------- */

struct writer {
	struct script *script;
	struct snp_bank bank;
	uint32_t tool;
	bool records; /* the one that writes what may have one writer alone */
	bool sum_first;
};

static void record_sum_first(struct snp_fmt_hist *hist)
{
	snp_add(&hist->sum, DURATION_NS);
	for (volatile unsigned i = 0; i < 1000; i = i + 1)
		;
	snp_add(&hist->bucket[SNP_HIST_BUCKETS / 2], 1);
}

static void publish_ledger(const struct script *s, uint64_t round)
{
	const uint64_t ledger[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {
	    [LEDGER_WORD(outcomes)] = 7 * round,
	    [LEDGER_WORD(outcomes) + 1] = 2 * round,
	    [LEDGER_WORD(active)] = round % 5,
	    [LEDGER_WORD(queue_depth)] = round % 3,
	    [LEDGER_WORD(pool_requests)] = 9 * round + round % 5 + round % 3,
	};

	snp_latch_publish(&snp_pool_row(s->writer, s->pool)->ledger, ledger,
			  sizeof(ledger) / sizeof(ledger[0]));
}

static void *write_main(void *arg)
{
	struct writer *w = arg;
	struct snp_tool_cells *tool = &w->bank.tools[w->tool];
	struct snp_pool_cells *pool = &w->bank.pools[w->script->pool];
	struct snp_worker_row *row =
	    snp_worker_row(w->script->writer, w->script->worker);

	for (uint64_t n = 1; !atomic_load_explicit(&stop, memory_order_relaxed); n++) {
		snp_add(tool->requests, 1);
		if (w->sum_first)
			record_sum_first(tool->duration);
		else
			snp_hist_record(tool->duration, DURATION_NS);
		snp_hist_record(pool->queue_wait, script_mix(n) >> 36);
		if (!w->records)
			continue;
		snp_set(row->sup.memory, (n & UINT32_MAX) * HALVES);
		if (n % PUBLISH_EVERY == 0)
			publish_ledger(w->script, n);
	}
	return NULL;
}

/* ---- pages --------------------------------------------------------------- */

struct scrape {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct page_room *room;
	struct page_source source;
	struct own_totals totals;
	struct snp_buf page[2]; /* now and before, in turns */
	bool turn;
	uint64_t pages, retries, partial;
	char fault[512];
};

static bool scrape_open(struct scrape *s, const char *path)
{
	*s = (struct scrape){.source = {.up = true, .totals = &s->totals}};
	if (snp_segment_attach(path, &s->seg, NULL) < 0 ||
	    snp_segment_snapshot(s->seg, &s->snap, NULL) < 0 ||
	    families_create(s->snap, FAMILIES_DEFAULT, NULL, &s->source.families) < 0)
		return false;
	s->source.seg = s->seg;
	return page_room_create(&s->room) == 0;
}

static void scrape_close(struct scrape *s)
{
	snp_buf_fini(&s->page[0]);
	snp_buf_fini(&s->page[1]);
	page_room_destroy(&s->room);
	families_destroy(&s->source.families);
	snp_snapshot_destroy(&s->snap);
	snp_segment_detach(&s->seg);
}

/* The other of the two pages; NULL where rows are missing. */
static struct snp_buf *scrape_page(struct scrape *s)
{
	struct snp_buf *buf = &s->page[s->turn];
	const struct page page = {.filter = &scrape_filter_all,
				  .begin = snp_mono_now(),
				  .sources = &s->source,
				  .sources_nr = 1};

	SNP_CHECK(snp_segment_snapshot(s->seg, &s->snap, NULL) == 0);
	s->retries += snp_snapshot_stats(s->snap)->retries;
	s->source.snap = s->snap;
	snp_buf_reset(buf);
	page_render(s->room, &page, buf);
	SNP_CHECK(!buf->failed);
	if (snp_snapshot_stats(s->snap)->rows_skipped > 0) {
		s->partial++;
		return NULL;
	}
	s->pages++;
	s->turn = !s->turn;
	return buf;
}

/* ---- the judge ----------------------------------------------------------- */

struct line {
	const char *text;
	size_t series_len, len;
	uint64_t whole, ns; /* the value, and its part behind the point in 1e-9 */
};

/* "series value\n", or a comment, whose value is 0. */
static struct line parse(const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', (size_t)(end - text));
	struct line line = {.text = text};
	const char *at;

	SNP_CHECK(newline);
	line.len = line.series_len = (size_t)(newline + 1 - text);
	if (*text == '#')
		return line;
	for (at = newline; at[-1] != ' '; at--)
		;
	line.series_len = (size_t)(at - text);
	for (; *at >= '0' && *at <= '9'; at++)
		line.whole = 10 * line.whole + (uint64_t)(*at - '0');
	for (uint64_t place = 100000000; *at == '.' || (*at >= '0' && *at <= '9'); at++)
		if (*at != '.') {
			line.ns += place * (uint64_t)(*at - '0');
			place /= 10;
		}
	return line;
}

static bool is_of(const struct line *line, const char *name)
{
	size_t len = strlen(name);

	return line->series_len > len && memcmp(line->text, name, len) == 0 &&
	       (line->text[len] == '{' || line->text[len] == ' ');
}

static bool has(const struct line *line, const char *label)
{
	return memmem(line->text, line->series_len, label, strlen(label)) != NULL;
}

/* What the lines of a page have to agree about. */
struct judge {
	bool rises; /* counters, as the header of the family said */
	uint64_t bucket, inf, duration_sum;
	uint64_t requests, outcomes, active, depth;
};

static const char *judge_histogram(struct judge *j, const struct line *line)
{
	const char *name_end = memchr(line->text, '{', line->series_len);
	size_t len = name_end ? (size_t)(name_end - line->text) : 0;
	bool duration = strncmp(line->text, "snakepit_request_duration_seconds_",
				strlen("snakepit_request_duration_seconds_")) == 0;

	if (len > 7 && memcmp(name_end - 7, "_bucket", 7) == 0) {
		if (line->whole < j->bucket)
			return "a bucket is below the one before it";
		j->bucket = j->inf = line->whole;
		if (has(line, "le=\"+Inf\""))
			j->bucket = 0;
	} else if (len > 4 && memcmp(name_end - 4, "_sum", 4) == 0) {
		j->duration_sum = line->whole * SNP_NS_PER_S + line->ns;
	} else if (len > 6 && memcmp(name_end - 6, "_count", 6) == 0) {
		if (line->whole != j->inf)
			return "+Inf is not _count";
		if (duration && j->duration_sum > line->whole * DURATION_NS)
			return "a sum has more than its count accounts for";
	}
	return NULL;
}

static const char *judge_line(struct judge *j, const struct line *line)
{
	if (is_of(line, "snakepit_worker_memory_usage_bytes") &&
	    line->whole >> 32 != (line->whole & UINT32_MAX))
		return "a word is of two";
	if (is_of(line, "snakepit_pool_requests_total"))
		j->requests = line->whole;
	if (is_of(line, "snakepit_pool_request_outcomes_total"))
		j->outcomes += line->whole;
	if (is_of(line, "snakepit_request_active"))
		j->active = line->whole;
	if (is_of(line, "snakepit_pool_queue_depth"))
		j->depth = line->whole;
	return judge_histogram(j, line);
}

static const char *judge_pair(struct judge *j, const struct line *line,
			      const struct line *before)
{
	if (line->series_len != before->series_len ||
	    memcmp(line->text, before->text, line->series_len) != 0)
		return "the line before the change was another";
	if (*line->text == '#') {
		if (memcmp(line->text, "# TYPE ", 7) == 0)
			j->rises = has(line, " counter\n") || has(line, " histogram\n");
		return NULL;
	}
	if (j->rises && (line->whole < before->whole ||
			 (line->whole == before->whole && line->ns < before->ns)))
		return "it fell";
	return judge_line(j, line);
}

/* False, and `fault` says why. */
static bool judge_page(struct scrape *s, const struct snp_buf *now,
		       const struct snp_buf *before)
{
	const char *at = now->data, *end = at + now->len;
	const char *at_before = before->data, *end_before = at_before + before->len;
	struct judge judge = {0};
	struct line line = {0}, old;
	const char *why = NULL;

	while (!why && at < end && at_before < end_before) {
		line = parse(at, end);
		old = parse(at_before, end_before);
		why = judge_pair(&judge, &line, &old);
		at += line.len;
		at_before += old.len;
	}
	if (!why && (at < end || at_before < end_before))
		why = "the page before had other lines";
	if (!why && judge.requests != judge.outcomes + judge.active + judge.depth)
		why = "the record of requests is of two rounds";
	if (why)
		(void)snprintf(s->fault, sizeof(s->fault), "page %" PRIu64 ": %s: %.*s",
			       s->pages, why, (int)line.len, line.text);
	return !why;
}

/* ---- all ----------------------------------------------------------------- */

static void run(struct scrape *s, uint64_t pages, uint64_t seconds)
{
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), seconds * 1000);
	snp_mono_t latest = snp_mono_add_ms(end, PATIENCE_S * 1000);
	const struct snp_buf *before = NULL, *now;

	while (s->pages < pages &&
	       snp_mono_now().ns < (s->pages >= ENOUGH ? end : latest).ns) {
		now = scrape_page(s);
		if (now && before && !judge_page(s, now, before))
			return;
		before = now ? now : before;
	}
}

static bool open_writer(struct writer *w, struct script *script, unsigned index)
{
	const struct snp_row_decl tool = {
	    .kind = SNP_ROW_TOOL, .pool = script->pool, .name = "tool"};

	*w = (struct writer){.script = script, .records = index == 0};
	if (index == 0) {
		w->bank = script->bank;
		return snp_row_declare(script->writer, &tool, &w->tool, NULL) == 0;
	}
	return snp_bank_adopt(script->writer, &w->bank) == 0;
}

int main(int argc, char **argv)
{
	struct script script;
	struct scrape scrape;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct snp_err err = {0};

	if (argc < 4) {
		(void)fputs("usage: pages DIR PAGES SECONDS [sum-first]\n", stderr);
		return 2;
	}
	if (script_open(&script, argv[1], &err) < 0) {
		(void)fprintf(stderr, "pages: %s\n", err.msg);
		return 2;
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		SNP_CHECK(open_writer(&writers[i], &script, i));
		writers[i].tool = writers[0].tool;
		writers[i].sum_first = argc > 4;
	}
	SNP_CHECK(scrape_open(&scrape, snp_writer_path(script.writer)));
	for (unsigned i = 0; i < WRITERS; i++)
		SNP_CHECK(pthread_create(&threads[i], NULL, write_main, &writers[i]) ==
			  0);
	run(&scrape, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	(void)printf("%" PRIu64 " pages of %zu bytes, %" PRIu64 " reads repeated: %s\n",
		     scrape.pages, scrape.page[0].len, scrape.retries,
		     *scrape.fault ? scrape.fault : "all whole");
	scrape_close(&scrape);
	snp_writer_close(&script.writer);
	return *scrape.fault ? 1 : 0;
}
