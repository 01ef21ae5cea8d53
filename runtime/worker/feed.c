/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/feed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/sealed.h"

#define WORD		 sizeof(uint64_t)
#define HIST_WORDS	 (sizeof(struct snp_fmt_hist) / WORD)
#define STRING_MAX	 (SNP_ADAPTER_HELP_BYTES - 1)
#define HEAD_WORD(field) (offsetof(struct snp_fmt_header, field) / WORD)

/* No count of ours comes near them, so none overflows: not by what one worker says, nor
 * by what all say together; nor what readers make of a histogram, whose buckets they
 * add up. */
#define TOTAL_MAX  (UINT64_C(1) << 62)
#define BUCKET_MAX (TOTAL_MAX / HIST_WORDS)

static_assert(FEED_DESC_OFF + FEED_METRICS_MAX * sizeof(struct snp_fmt_desc) ==
		  FEED_STRT_OFF,
	      "descriptors fit");
static_assert(FEED_STRT_OFF + FEED_STRT_BYTES == FEED_BNDS_OFF, "strings fit");

struct feed_metric {
	bool shown; /* it is in the segment; the rest means something */
	bool fell;  /* was told */
	uint8_t kind;
	uint32_t cell;	 /* its first word in the feed */
	uint32_t metric; /* in the segment */
	uint32_t words;
	uint64_t *told; /* what has been added of each word */
};

/* ---- the file ------------------------------------------------------------- */

void feed_init(struct feed *feed)
{
	*feed = (struct feed){.fd = -1};
}

int feed_create(struct feed *feed, struct snp_err *err)
{
	void *map = MAP_FAILED;
	int rc;

	feed_init(feed);
	rc = feed->fd = sealed_file("snakepit-metrics", FEED_BYTES);
	if (rc >= 0) {
		map = mmap(NULL, FEED_BYTES, PROT_READ, MAP_SHARED, feed->fd, 0);
		rc = map == MAP_FAILED ? -errno : 0;
	}
	if (rc < 0) {
		feed_destroy(feed);
		return snp_err_set(err, rc, "cannot make memory for metrics: %s",
				   strerror(-rc));
	}
	feed->map = map;
	return 0;
}

void feed_handed_down(struct feed *feed)
{
	if (feed->fd >= 0)
		close(feed->fd);
	feed->fd = -1;
}

void feed_destroy(struct feed *feed)
{
	feed_handed_down(feed);
	for (uint32_t i = 0; i < feed->metrics_nr; i++)
		free(feed->metrics[i].told);
	free(feed->metrics);
	if (feed->map)
		(void)munmap((void *)(uintptr_t)feed->map, FEED_BYTES);
	feed_init(feed);
}

/* ---- reading -------------------------------------------------------------- */

static void copy_words(const struct feed *feed, uint64_t word, uint64_t *ret,
		       uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		ret[i] =
		    atomic_load_explicit(&feed->map[word + i], memory_order_relaxed);
}

/* The string of a reference, with its NUL; false where there is none such. */
static bool read_string(const struct feed *feed, uint32_t ref,
			char ret[SNP_ADAPTER_HELP_BYTES])
{
	uint64_t words[(sizeof(uint32_t) + STRING_MAX) / WORD + 1];
	const uint64_t room = FEED_STRT_BYTES / WORD;
	uint64_t nr = sizeof(words) / WORD;
	uint32_t len;

	if (ref >= room)
		return false;
	nr = nr < room - ref ? nr : room - ref;
	memset(words, 0, sizeof(words));
	copy_words(feed, FEED_STRT_OFF / WORD + ref, words, nr);
	memcpy(&len, words, sizeof(len));
	if (len > STRING_MAX || len > nr * WORD - sizeof(len))
		return false;
	memcpy(ret, (const char *)words + sizeof(len), len);
	ret[len] = '\0';
	return strlen(ret) == len;
}

static uint32_t words_of(const struct snp_fmt_desc *d)
{
	return d->kind == SNP_KIND_HISTOGRAM ? HIST_WORDS : 1;
}

static bool cell_fits(const struct snp_fmt_desc *d)
{
	const uint32_t bytes = words_of(d) * WORD;

	return d->off % WORD == 0 && d->off <= FEED_CELLS_BYTES - bytes;
}

/* ---- declaring ------------------------------------------------------------ */

static void count_fault(const struct feed_owner *o, enum snp_enum_ADAPTER_FAULT fault)
{
	snp_add(&o->faults[fault], 1);
}

static enum snp_enum_ADAPTER_FAULT fault_of(int error)
{
	switch (error) {
	case -EEXIST:
		return SNP_ADAPTER_FAULT_CONFLICT;
	case -ENOSPC:
	case -ENOMEM:
		return SNP_ADAPTER_FAULT_NO_ROOM;
	default:
		return SNP_ADAPTER_FAULT_REFUSED;
	}
}

static int damaged(struct snp_err *err)
{
	return snp_err_set(err, -EINVAL,
			   "what it says of one of its metrics makes no sense");
}

/* Find or make the metric that descriptor `index` speaks of. */
static int declare(const struct feed *feed, const struct feed_owner *o, uint32_t index,
		   struct snp_err *err)
{
	struct feed_metric *m = &feed->metrics[index];
	char name[SNP_ADAPTER_HELP_BYTES], unit[SNP_ADAPTER_HELP_BYTES],
	    help[SNP_ADAPTER_HELP_BYTES];
	uint64_t words[sizeof(struct snp_fmt_desc) / WORD];
	struct snp_fmt_desc d;
	int rc;

	copy_words(feed, FEED_DESC_OFF / WORD + index * (sizeof(words) / WORD), words,
		   sizeof(words) / WORD);
	memcpy(&d, words, sizeof(d));
	if (!read_string(feed, d.name, name) || !read_string(feed, d.unit, unit) ||
	    !read_string(feed, d.help, help) || !cell_fits(&d))
		return damaged(err);
	rc = snp_adapter_metric(o->writer,
				&(struct snp_adapter_metric){d.kind, name, unit, help},
				&m->metric, err);
	if (rc < 0)
		return rc;
	m->kind = d.kind;
	m->cell = (FEED_CELLS_OFF + d.off) / WORD;
	m->words = words_of(&d);
	m->told = calloc(m->words, sizeof(*m->told));
	if (!m->told)
		return snp_err_set(err, -ENOMEM, "out of memory for metrics");
	if (m->kind != SNP_KIND_GAUGE)
		snp_adapter_begin(o->writer, m->metric, o->pool_row);
	m->shown = true;
	return 0;
}

/* Look at the descriptors that are new; how many of them are not shown. */
static unsigned declare_new(struct feed *feed, const struct feed_owner *o,
			    struct snp_err *err)
{
	/* Acquire: the descriptors below it. Partner: the interpreter's stores, which
	 * the processors that it runs on keep in order. */
	uint64_t nr = atomic_load_explicit(&feed->map[HEAD_WORD(desc_used)],
					   memory_order_acquire);
	unsigned bad = 0;

	if (nr > FEED_METRICS_MAX)
		nr = FEED_METRICS_MAX;
	if (nr <= feed->metrics_nr)
		return 0;
	if (!feed->metrics)
		feed->metrics = calloc(FEED_METRICS_MAX, sizeof(*feed->metrics));
	if (!feed->metrics)
		return 0; /* the next time */
	while (feed->metrics_nr < nr) {
		int rc = declare(feed, o, feed->metrics_nr++, err);

		if (rc < 0) {
			count_fault(o, fault_of(rc));
			bad++;
		}
	}
	return bad;
}

/* ---- adding --------------------------------------------------------------- */

/* Whether the words may be added: none fell, and no count gets too large. The sum of a
 * histogram, its last word, may: where 1 is 10^9 it begins anew now and then. */
static bool is_possible(const struct feed_metric *m, const uint64_t *words,
			const _Atomic uint64_t *cell)
{
	const bool hist = m->kind == SNP_KIND_HISTOGRAM;
	const uint32_t counts = hist ? m->words - 1 : 1;
	const uint64_t most = hist ? BUCKET_MAX : TOTAL_MAX;

	for (uint32_t i = 0; i < counts; i++)
		if (words[i] < m->told[i] || words[i] > most ||
		    words[i] - m->told[i] > most - snp_get(&cell[i]))
			return false;
	return true;
}

static void add_growth(struct feed_metric *m, const uint64_t *words,
		       _Atomic uint64_t *cell)
{
	for (uint32_t i = 0; i < m->words; i++) {
		/* Release: a histogram's sum, which is the last, after its buckets. */
		atomic_store_explicit(&cell[i],
				      snp_get(&cell[i]) + words[i] - m->told[i],
				      memory_order_release);
		m->told[i] = words[i];
	}
}

static void set_gauge(const struct feed *feed, const struct feed_metric *m,
		      _Atomic uint64_t *cell)
{
	uint64_t word;
	double value;

	copy_words(feed, m->cell, &word, 1);
	memcpy(&value, &word, sizeof(value));
	snp_set(cell, value == value ? word : SNP_FMT_ABSENT);
}

/* The sum first: it is stored after its bucket, so it is never ahead of them. */
static void copy_cell(const struct feed *feed, const struct feed_metric *m,
		      uint64_t words[HIST_WORDS])
{
	words[m->words - 1] = atomic_load_explicit(&feed->map[m->cell + m->words - 1],
						   memory_order_acquire);
	copy_words(feed, m->cell, words, m->words - 1);
}

static bool fold_one(const struct feed *feed, const struct feed_owner *o,
		     struct feed_metric *m)
{
	bool gauge = m->kind == SNP_KIND_GAUGE;
	_Atomic uint64_t *cell =
	    snp_adapter_cell(o->writer, m->metric, gauge ? o->worker_row : o->pool_row);
	uint64_t words[HIST_WORDS];

	if (gauge) {
		set_gauge(feed, m, cell);
		return true;
	}
	copy_cell(feed, m, words);
	if (!is_possible(m, words, cell))
		return false;
	add_growth(m, words, cell);
	return true;
}

unsigned feed_fold(struct feed *feed, const struct feed_owner *o, struct snp_err *err)
{
	unsigned faults;

	if (!feed->map)
		return 0;
	faults = declare_new(feed, o, err);
	for (uint32_t i = 0; i < feed->metrics_nr; i++) {
		struct feed_metric *m = &feed->metrics[i];

		if (!m->shown || fold_one(feed, o, m) || m->fell)
			continue;
		m->fell = true;
		count_fault(o, SNP_ADAPTER_FAULT_FELL);
		(void)snp_err_set(err, -ERANGE,
				  "a counter of its metrics fell, or is too large");
		faults++;
	}
	return faults;
}
