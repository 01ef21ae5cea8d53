/* SPDX-License-Identifier: Apache-2.0 */
/* Turn metrics.def, enums.def and bounds.def into the schema regions of a new segment.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "enum_text.h"
#include "writer_private.h"

/* ---- the metric table as data -------------------------------------------- */

enum bounds_table {
#define SNP_BOUNDS(table, ...) BOUNDS_##table,
#include "bounds.def"
#undef SNP_BOUNDS
	BOUNDS_NR
};

#define SNP_BOUNDS(table, ...) static const double bounds_##table[] = {__VA_ARGS__};
#include "bounds.def"
#undef SNP_BOUNDS

static const struct {
	const double *seconds;
	size_t nr;
} bounds[BOUNDS_NR] = {
#define SNP_BOUNDS(table, ...)                                                         \
	[BOUNDS_##table] = {bounds_##table, sizeof(bounds_##table) / sizeof(double)},
#include "bounds.def"
#undef SNP_BOUNDS
};

struct metric_row {
	uint8_t storage, row_kind, derive;
	uint8_t kind, vtype;
	int32_t unit_exp;
	uint8_t shift; /* histogram: log2 of ns a step */
	uint8_t level;
	enum snp_enum_table enums;
	enum bounds_table bounds;
	uint32_t off, row_keys;
	const char *otel, *prom, *unit, *help;
};

/* Group: storage, row kind, derive rule, labels from the row. */
#define KEY(k)		  (UINT32_C(1) << SNP_KEY_##k)
#define GROUP_PROC_BANK	  SNP_ST_BANK, SNP_ROW_PROC, SNP_DERIVE_NONE
#define GROUP_POOL_BANK	  SNP_ST_BANK, SNP_ROW_POOL, SNP_DERIVE_NONE
#define GROUP_TOOL_BANK	  SNP_ST_BANK, SNP_ROW_TOOL, SNP_DERIVE_NONE
#define GROUP_POOL_LEDGER SNP_ST_LATCH, SNP_ROW_POOL, SNP_DERIVE_NONE
#define GROUP_POOL_HEADS  SNP_ST_LEDGER, SNP_ROW_POOL, SNP_DERIVE_NONE
#define GROUP_POOL_ROW	  SNP_ST_ROW, SNP_ROW_POOL, SNP_DERIVE_NONE
#define GROUP_WORKER_HOT  SNP_ST_ROW, SNP_ROW_WORKER, SNP_DERIVE_NONE
#define GROUP_WORKER_SUP  SNP_ST_ROW, SNP_ROW_WORKER, SNP_DERIVE_NONE
#define GROUP_WORKER_INFO SNP_ST_ONE, SNP_ROW_WORKER, SNP_DERIVE_NONE
#define GROUP_DERIVED	  SNP_ST_DERIVED, SNP_ROW_POOL, SNP_DERIVE_WORKERS_BY_STATUS
#define GROUP_HEADER	  SNP_ST_HEADER, SNP_ROW_PROC, SNP_DERIVE_NONE

#define KEYS_PROC_BANK	 0
#define KEYS_POOL_BANK	 KEY(POOL)
#define KEYS_TOOL_BANK	 (KEY(POOL) | KEY(METHOD))
#define KEYS_POOL_LEDGER KEY(POOL)
#define KEYS_POOL_HEADS	 KEY(POOL)
#define KEYS_POOL_ROW	 KEY(POOL)
#define KEYS_WORKER_HOT	 (KEY(POOL) | KEY(WORKER))
#define KEYS_WORKER_SUP	 (KEY(POOL) | KEY(WORKER))
#define KEYS_WORKER_INFO                                                               \
	(KEY(POOL) | KEY(WORKER) | KEY(WORKER_ID) | KEY(PID) | KEY(ADAPTER) |          \
	 KEY(PYTHON))
#define KEYS_DERIVED KEY(POOL)
#define KEYS_HEADER  0

/* Where the cell is, relative to what the storage class says. */
#define OFF_PROC_BANK(id)   offsetof(struct snp_proc_cells, id)
#define OFF_POOL_BANK(id)   offsetof(struct snp_pool_cells, id)
#define OFF_TOOL_BANK(id)   offsetof(struct snp_tool_cells, id)
#define OFF_POOL_LEDGER(id) offsetof(struct snp_pool_ledger, id)
#define OFF_POOL_HEADS(id)  offsetof(struct snp_pool_heads, id)
#define OFF_POOL_ROW(id)    offsetof(struct snp_pool_row, id)
#define OFF_WORKER_HOT(id)                                                             \
	(offsetof(struct snp_worker_row, hot) + offsetof(struct snp_worker_hot, id))
#define OFF_WORKER_SUP(id)                                                             \
	(offsetof(struct snp_worker_row, sup) + offsetof(struct snp_worker_sup, id))
#define OFF_WORKER_INFO(id) 0
#define OFF_DERIVED(id)	    0
#define OFF_HEADER(id)	    offsetof(struct snp_fmt_header, id)

/* Type: kind, stored type, power of ten to the unit, histogram step. */
#define TYPE_COUNTER	    SNP_KIND_COUNTER, SNP_VT_U64, 0, 0
#define TYPE_GAUGE	    SNP_KIND_GAUGE, SNP_VT_U64, 0, 0
#define TYPE_UPDOWN	    SNP_KIND_UPDOWN, SNP_VT_U64, 0, 0
#define TYPE_NS_COUNTER	    SNP_KIND_COUNTER, SNP_VT_U64, -9, 0
#define TYPE_MONO_TIME	    SNP_KIND_TIMESTAMP, SNP_VT_MONO_NS, -9, 0
#define TYPE_WALL_TIME	    SNP_KIND_TIMESTAMP, SNP_VT_REAL_NS, -9, 0
#define TYPE_STATE	    SNP_KIND_STATE, SNP_VT_U64, 0, 0
#define TYPE_HISTOGRAM	    SNP_KIND_HISTOGRAM, SNP_VT_U64, -9, 0
#define TYPE_HISTOGRAM_LONG SNP_KIND_HISTOGRAM, SNP_VT_U64, -9, SNP_HIST_LONG_SHIFT
#define TYPE_INFO	    SNP_KIND_INFO, SNP_VT_NONE, 0, 0

#define ROW(storage_, kind_, derive_, type_, vtype_, exp_, shift_)                     \
	.storage = (storage_), .row_kind = (kind_), .derive = (derive_),               \
	.kind = (type_), .vtype = (vtype_), .unit_exp = (exp_), .shift = (shift_)
#define ROW_EXPAND(...) ROW(__VA_ARGS__)

static const struct metric_row metrics[] = {
#define SNP_METRIC(group, type, id, table, lvl, otel_, prom_, unit_, bounds_, help_)   \
	{ROW_EXPAND(GROUP_##group, TYPE_##type),                                       \
	 .level = SNP_LEVEL_##lvl,                                                     \
	 .enums = SNP_ENUM_TABLE_##table,                                              \
	 .bounds = BOUNDS_##bounds_,                                                   \
	 .off = OFF_##group(id),                                                       \
	 .row_keys = KEYS_##group,                                                     \
	 .otel = (otel_),                                                              \
	 .prom = (prom_),                                                              \
	 .unit = (unit_),                                                              \
	 .help = (help_)},
#include "metrics.def"
#undef SNP_METRIC
};

#define METRICS_NR (sizeof(metrics) / sizeof(metrics[0]))
static_assert(METRICS_NR + SNP_ADAPTER_METRICS_MAX <= SNP__DESC_MAX, "grow it");

/* ---- row attributes ------------------------------------------------------ */

static const struct {
	const char *prom, *otel;
} keys[SNP_KEY_NR] = {
    [SNP_KEY_POOL] = {"pool", "snakepit.pool.name"},
    [SNP_KEY_WORKER] = {"worker", "snakepit.worker.slot"},
    [SNP_KEY_METHOD] = {"method", "rpc.method"},
    [SNP_KEY_WORKER_ID] = {"worker_id", "snakepit.worker.id"},
    [SNP_KEY_PID] = {"pid", "process.pid"},
    [SNP_KEY_ADAPTER] = {"adapter", "snakepit.adapter"},
    [SNP_KEY_PYTHON] = {"python_version", "process.runtime.version"},
};

/* ---- building ------------------------------------------------------------ */

enum { SHIFT_MAX = SNP_HIST_LONG_SHIFT };

struct build {
	struct snp_writer *w;
	uint32_t enum_words, bnds_words; /* used so far */
	uint32_t enum_at[SNP_ENUM_TABLE_NR];
	uint32_t bnds_at[BOUNDS_NR];
	uint32_t
	    upper_at[SHIFT_MAX + 1]; /* by step of the histogram; see build_upper */
};

static int build_enum(struct build *b, enum snp_enum_table which)
{
	const struct snp__enum_table *table = snp__enum_table(which);
	uint32_t *words = snp__entry(b->w, PLACE_ENUM, 0);
	uint32_t at = b->enum_words;
	char otel[64] = "";

	if (table->nr + 3 > SNP__ENUM_WORDS - at)
		return -ENOSPC;
	if (*table->label)
		(void)snprintf(otel, sizeof(otel), "snakepit.%s", table->label);
	words[at] = snp__string_add(b->w, table->label);
	words[at + 1] = snp__string_add(b->w, otel);
	words[at + 2] = table->nr;
	for (uint32_t i = 0; i < table->nr; i++)
		words[at + 3 + i] = snp__string_add(b->w, table->texts[i]);
	b->enum_words = at + 3 + table->nr;
	b->enum_at[which] = at;
	return 0;
}

/* Every table of enums.def behind an index of them all: events and records have numbers
 * that no metric has. */
static int build_enums(struct build *b)
{
	uint32_t *words = snp__entry(b->w, PLACE_ENUM, 0);
	int rc = 0;

	words[1] = SNP_ENUM_TABLE_NR;
	b->enum_words = 2 + SNP_ENUM_TABLE_NR;
	for (uint32_t t = 0; t < SNP_ENUM_TABLE_NR && rc == 0; t++) {
		rc = build_enum(b, t);
		words[2 + t] = b->enum_at[t];
	}
	return rc;
}

static int build_bounds(struct build *b, enum bounds_table which)
{
	uint64_t *words = snp__entry(b->w, PLACE_BNDS, 0);

	if (bounds[which].nr > SNP__BNDS_WORDS - b->bnds_words)
		return -ENOSPC;
	b->bnds_at[which] = b->bnds_words;
	for (size_t i = 0; i < bounds[which].nr; i++)
		words[b->bnds_words++] =
		    (uint64_t)(bounds[which].seconds[i] * 1e9 + 0.5);
	return 0;
}

/* The upper bounds that snp__hist_word() decides by, for histograms in steps of
 * 2^shift ns: a reader needs no power of two by eighths to agree with the writer. */
static int build_upper(struct build *b, uint8_t shift)
{
	uint64_t *words = snp__entry(b->w, PLACE_BNDS, 0);

	if (SNP_HIST_BUCKETS + 1 > SNP__BNDS_WORDS - b->bnds_words)
		return -ENOSPC;
	b->upper_at[shift] = b->bnds_words;
	for (unsigned k = 0; k <= SNP_HIST_BUCKETS; k++)
		words[b->bnds_words++] = snp__hist_upper[k] << shift;
	return 0;
}

void snp__histogram_fill(struct snp_fmt_desc *d, uint8_t shift)
{
	d->stride = sizeof(struct snp_fmt_hist);
	d->scale = SNP_HIST_SCALE;
	d->nbuckets = SNP_HIST_BUCKETS;
	/* A step of 2^shift ns moves every bound up by `shift` octaves of 2^scale
	 * buckets. */
	d->idx_min = SNP_HIST_IDX_MIN + shift * (1 << SNP_HIST_SCALE);
	d->zero_threshold_ns = snp__hist_upper[0] << shift;
}

static void fill_histogram(const struct build *b, const struct metric_row *m,
			   struct snp_fmt_desc *d)
{
	snp__histogram_fill(d, m->shift);
	d->bounds_off = b->bnds_at[m->bounds];
	d->bounds_count = m->bounds == BOUNDS_NONE ? 0 : (uint32_t)bounds[m->bounds].nr;
	d->upper_off = b->upper_at[m->shift];
}

static void fill_desc(struct build *b, const struct metric_row *m, uint32_t id)
{
	struct snp_fmt_desc *d = snp__entry(b->w, PLACE_DESC, id - 1);

	d->id = id;
	d->kind = m->kind;
	d->vtype = m->vtype;
	d->storage = m->storage;
	d->row_kind = m->row_kind;
	d->level = m->level;
	d->off = m->off;
	d->stride = sizeof(uint64_t);
	d->count = m->kind == SNP_KIND_STATE ? 1 : snp__enum_table(m->enums)->nr;
	d->name = snp__string_add(b->w, m->otel);
	d->prom_name = snp__string_add(b->w, m->prom);
	d->unit = snp__string_add(b->w, m->unit);
	d->unit_exp = m->unit_exp;
	d->help = snp__string_add(b->w, m->help);
	d->row_keys = m->row_keys;
	d->enum_off = m->enums == SNP_ENUM_TABLE_NONE ? 0 : b->enum_at[m->enums];
	d->derive = m->derive;
	if (m->derive == SNP_DERIVE_WORKERS_BY_STATUS) {
		d->derive_a = OFF_WORKER_SUP(state);
		d->derive_b = OFF_WORKER_HOT(worker_active);
	}
	if (m->kind == SNP_KIND_HISTOGRAM)
		fill_histogram(b, m, d);
}

static uint64_t schema_hash(const struct snp_writer *w)
{
	static const enum snp__place hashed[] = {PLACE_DESC, PLACE_KEYS, PLACE_ENUM,
						 PLACE_BNDS};
	uint64_t hash = SNP__FNV1A_SEED;

	for (size_t i = 0; i < sizeof(hashed) / sizeof(hashed[0]); i++) {
		const struct snp_fmt_region *r = &w->layout.region[hashed[i]];

		hash = snp__fnv1a(hash, w->map + r->off, r->len);
	}
	return snp__fnv1a(hash, w->map + w->layout.region[PLACE_STRT].off,
			  w->strt_used_bytes);
}

static void build_keys(struct snp_writer *w)
{
	for (uint32_t i = 0; i < SNP_KEY_NR; i++) {
		struct snp_fmt_key *key = snp__entry(w, PLACE_KEYS, i);

		key->source = i;
		key->prom_name = snp__string_add(w, keys[i].prom);
		key->otel_name = snp__string_add(w, keys[i].otel);
	}
}

/* The schema as JSON text, one metric a line, for `strings` and debuggers. No value in
 * the tables needs escaping; a unit test parses the result. */
static int build_json(struct snp_writer *w)
{
	char *p = snp__entry(w, PLACE_JSON, 0);
	size_t room = SNP__JSON_BYTES, n;

	n = (size_t)snprintf(p, room, "{\"schema\":1,\"metrics\":[\n");
	for (size_t i = 0; i < METRICS_NR && n < room; i++) {
		const struct metric_row *m = &metrics[i];

		n += (size_t)snprintf(
		    p + n, room - n,
		    "%s{\"id\":%zu,\"name\":\"%s\",\"prometheus\":\"%s\","
		    "\"unit\":\"%s\",\"storage\":%u,\"row_kind\":%u,"
		    "\"kind\":%u,\"off\":%u,\"help\":\"%s\"}",
		    i ? ",\n" : "", i + 1, m->otel, m->prom, m->unit, m->storage,
		    m->row_kind, m->kind, m->off, m->help);
	}
	if (n < room)
		n += (size_t)snprintf(p + n, room - n, "]}\n");
	return n < room ? 0 : -ENOSPC;
}

int snp__schema_build(struct snp_writer *w, struct snp_err *err)
{
	struct build b = {.w = w};
	int rc;

	w->strt_used_bytes = 8; /* reference 0 is the empty string */
	rc = build_enums(&b);
	for (enum bounds_table t = BOUNDS_NONE + 1; t < BOUNDS_NR && rc == 0; t++)
		rc = build_bounds(&b, t);
	if (rc == 0)
		rc = build_upper(&b, 0);
	if (rc == 0)
		rc = build_upper(&b, SNP_HIST_LONG_SHIFT);
	if (rc == 0)
		rc = build_json(w);
	if (rc < 0)
		return snp_err_set(err, rc, "segment schema does not fit its regions");
	build_keys(w);
	for (uint32_t i = 0; i < METRICS_NR; i++)
		fill_desc(&b, &metrics[i], i + 1);
	w->fixed_metrics = METRICS_NR;
	w->adapter_shape = (struct snp__adapter_shape){
	    .time_bounds_off = b.bnds_at[BOUNDS_REQUEST],
	    .time_bounds_count = (uint32_t)bounds[BOUNDS_REQUEST].nr,
	    .time_upper_off = b.upper_at[0],
	    .plain_bounds_off = b.bnds_at[BOUNDS_PLAIN],
	    .plain_bounds_count = (uint32_t)bounds[BOUNDS_PLAIN].nr,
	    .plain_upper_off = b.upper_at[SNP_HIST_LONG_SHIFT],
	};
	w->header->schema_hash = schema_hash(w);
	atomic_store_explicit(&w->header->desc_used, METRICS_NR, memory_order_release);
	return 0;
}
