/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parse and check the schema of a segment: a private copy of the strings, then every
 * descriptor against the regions it points into. A descriptor of a kind or storage this
 * library does not know is left out; one that points outside is damage.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_private.h"

/* Most descriptors, enumerations, values of one, buckets, bounds and bytes of a string.
 * References may overlap: without it a small file could lead a reader to the same bytes
 * over and over. */
#define MOST	     1024
#define UNIT_EXP_MAX 30 /* quetta and quecto */

struct parse {
	struct snp_segment *seg;
	struct snp__schema *schema;
	uint64_t descs;	       /* there were before anything else was read */
	const uint32_t *enums; /* private copy of ENUM */
	bool *good;	       /* by reference: the string has been checked */
	/* What is being read: the field of the error, and where in it. */
	const char *part;
	uint64_t index;
	const char *bad_field; /* what does not hold there; NULL while all is well */
};

/* The first damage names the field; the rest follows from it. */
static int damaged(struct parse *p, const char *field)
{
	if (!p->bad_field)
		p->bad_field = field;
	return -EBADMSG;
}

/* ---- strings ------------------------------------------------------------- */

/* The text that `field` refers to; "" for 0. A bad one marks the parse as damaged and
 * yields "", so that callers need not look before the end. */
static const char *text(struct parse *p, const char *field, uint32_t ref)
{
	uint64_t at = (uint64_t)ref * 8, room;
	uint32_t len;
	const char *s;

	if (ref == 0)
		return "";
	if (at < p->schema->strings_bytes && p->good[ref])
		return p->schema->strings + at + sizeof(len);
	if (at >= p->schema->strings_bytes ||
	    p->schema->strings_bytes - at < sizeof(len) + 1) {
		(void)damaged(p, field);
		return "";
	}
	memcpy(&len, p->schema->strings + at, sizeof(len));
	room = p->schema->strings_bytes - at - sizeof(len) - 1;
	s = p->schema->strings + at + sizeof(len);
	if (len > room || len > MOST || s[len] != '\0' || !snp__utf8_ok(s, len)) {
		(void)damaged(p, field);
		return "";
	}
	p->good[ref] = true;
	return s;
}

/* Copies of what many places refer to: read once, checked, and used from here. */
static int copy_region(const struct snp_segment *seg, const struct snp_fmt_region *r,
		       uint64_t bytes, void **ret_copy)
{
	void *copy = calloc(1, bytes ? bytes : 1);

	if (!copy)
		return -ENOMEM;
	if (bytes)
		memcpy(copy, seg->map + r->off, bytes);
	*ret_copy = copy;
	return 0;
}

static int copy_strings(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.strt;
	/* Acquire: the bytes below the watermark. Partner: snp__schema_build(). */
	uint64_t used =
	    snp__word_acquire(p->seg, offsetof(struct snp_fmt_header, strt_used));
	void *copy;
	int rc;

	p->part = "strings";
	if (used > r->len)
		return damaged(p, "strt_used");
	rc = copy_region(p->seg, r, used, &copy);
	if (rc < 0)
		return rc;
	p->schema->strings = copy;
	p->schema->strings_bytes = used;
	p->good = calloc(used / 8 + 1, sizeof(*p->good));
	return p->good ? 0 : -ENOMEM;
}

/* ---- enums --------------------------------------------------------------- */

/* Take the table at word `at`. */
static int parse_table(struct parse *p, uint32_t at)
{
	const struct snp_fmt_region *r = &p->seg->regions.enums;
	struct snp__enum_texts *t = &p->schema->tables[p->schema->tables_nr];
	const uint32_t *words;

	if (at > r->count || r->count - at < 3)
		return damaged(p, "place");
	words = &p->enums[at];
	if (words[2] == 0 || words[2] > MOST || words[2] > r->count - at - 3)
		return damaged(p, "number of values");
	t->texts = calloc(words[2], sizeof(*t->texts));
	if (!t->texts)
		return -ENOMEM;
	p->schema->tables_nr++;
	t->at = at;
	t->nr = words[2];
	t->prom_name = text(p, "label", words[0]);
	t->otel_name = text(p, "attribute", words[1]);
	for (uint32_t i = 0; i < t->nr; i++)
		t->texts[i] = text(p, "value", words[3 + i]);
	return p->bad_field ? -EBADMSG : 0;
}

static const struct snp__enum_texts *table_at(const struct parse *p, uint32_t at)
{
	for (size_t i = 0; i < p->schema->tables_nr; i++)
		if (p->schema->tables[i].at == at)
			return &p->schema->tables[i];
	return NULL;
}

static int parse_enums(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.enums;
	uint32_t nr;
	void *copy;
	int rc;

	p->part = "enums";
	if (!r->type)
		return 0;
	rc = copy_region(p->seg, r, 4 * r->count, &copy);
	if (rc < 0)
		return rc;
	p->enums = copy;
	if (r->count < 2)
		return damaged(p, "number of tables");
	memcpy(&nr, (const unsigned char *)copy + sizeof(nr), sizeof(nr));
	if (nr > r->count - 2 || nr > MOST)
		return damaged(p, "number of tables");
	p->schema->tables = calloc(nr ? nr : 1, sizeof(*p->schema->tables));
	if (!p->schema->tables)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr && rc == 0; i++) {
		p->index = i;
		rc = parse_table(p, p->enums[2 + i]);
	}
	return rc;
}

/* ---- keys, bounds -------------------------------------------------------- */

static int parse_keys(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.keys;

	p->part = "keys";
	for (uint64_t i = 0; r->type && i < r->count && i < SNP__KEYS_MAX; i++) {
		struct snp_fmt_key key;

		p->index = i;
		memcpy(&key, p->seg->map + r->off + i * r->stride, sizeof(key));
		p->schema->keys[i] = (struct snp__key){
		    .source = key.source,
		    .prom_name = text(p, "prom_name", key.prom_name),
		    .otel_name = text(p, "otel_name", key.otel_name),
		};
		p->schema->keys_nr = (size_t)i + 1;
		if (p->bad_field)
			return -EBADMSG;
	}
	return 0;
}

static int copy_bounds(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.bnds;
	void *copy;
	int rc = copy_region(p->seg, r, 8 * r->count, &copy);

	if (rc == 0)
		p->schema->bounds = copy;
	return rc;
}

/* `nr` ascending words of BNDS; NULL, and the parse damaged, where there are none. */
static const uint64_t *parse_bounds(struct parse *p, const char *field, uint32_t at,
				    uint64_t nr)
{
	const struct snp_fmt_region *r = &p->seg->regions.bnds;
	const uint64_t *words;

	if (!r->type || at > r->count || nr > r->count - at) {
		(void)damaged(p, field);
		return NULL;
	}
	words = &p->schema->bounds[at];
	for (uint64_t i = 1; i < nr; i++)
		if (words[i] <= words[i - 1]) {
			(void)damaged(p, field);
			return NULL;
		}
	return words;
}

/* ---- descriptors --------------------------------------------------------- */

static bool known(const struct snp_fmt_desc *d)
{
	return d->kind >= SNP_KIND_COUNTER && d->kind <= SNP_KIND_INFO &&
	       d->storage >= SNP_ST_BANK && d->storage <= SNP_ST_LEDGER &&
	       d->row_kind < SNP_ROW_KINDS && d->retired_minor == 0 &&
	       (d->storage != SNP_ST_DERIVED ||
		(d->derive == SNP_DERIVE_WORKERS_BY_STATUS &&
		 d->row_kind == SNP_ROW_POOL));
}

/* Bytes one cell of the metric takes. */
static uint64_t cell_bytes(const struct snp_fmt_desc *d)
{
	return d->kind == SNP_KIND_HISTOGRAM ? 8 * ((uint64_t)d->nbuckets + 3) : 8;
}

/* Bytes from `ret_first` on that a cell may take; 0 where the segment has none. The
 * latch with which an entry of ROWC starts is no place for cells of storage ROW. */
static uint64_t row_bytes(const struct snp__regions *all, const struct snp_fmt_desc *d,
			  uint64_t *ret_first)
{
	*ret_first = 0;
	switch (d->storage) {
	case SNP_ST_BANK:
		return all->bank[d->row_kind].type ? all->bank[d->row_kind].stride : 0;
	case SNP_ST_ROW:
		*ret_first = sizeof(struct snp_fmt_latch);
		return all->rowc[d->row_kind].type ? all->rowc[d->row_kind].stride : 0;
	case SNP_ST_LATCH:
		return all->rowc[d->row_kind].type ? 8 * SNP_LATCH_WORDS : 0;
	case SNP_ST_LEDGER:
		return all->ledg[d->row_kind].type ? 8 * SNP_LATCH_WORDS : 0;
	case SNP_ST_HEADER:
		if (d->off < SNP_FMT_METERS_OFF)
			return offsetof(struct snp_fmt_header, state);
		*ret_first = SNP_FMT_METERS_OFF;
		return SNP_FMT_METERS_OFF + 8 * SNP_FMT_METERS;
	default:
		return 0;
	}
}

static int check_derived(struct parse *p, const struct snp_fmt_desc *d)
{
	const struct snp_fmt_region *r = &p->seg->regions.rowc[SNP_ROW_WORKER];
	const uint64_t first = sizeof(struct snp_fmt_latch);
	uint64_t room = r->type ? r->stride : 0;

	if (room < first + 8 || d->derive_a % 8 || d->derive_a < first ||
	    d->derive_a > room - 8 || d->derive_b % 8 || d->derive_b < first ||
	    d->derive_b > room - 8)
		return damaged(p, "derive_a, derive_b");
	return 0;
}

/* Every cell lies inside its row. */
static int check_cells(struct parse *p, const struct snp_fmt_desc *d)
{
	uint64_t room, first, bytes = cell_bytes(d);

	if (d->count == 0 || d->count > MOST)
		return damaged(p, "count");
	if (d->storage == SNP_ST_ONE)
		return 0;
	if (d->storage == SNP_ST_DERIVED)
		return check_derived(p, d);
	room = row_bytes(&p->seg->regions, d, &first);
	if (d->off % 8 || d->off < first || d->off > room || room - d->off < bytes)
		return damaged(p, "off");
	room -= d->off;
	if (d->stride % 8 || d->stride < bytes ||
	    (uint64_t)(d->count - 1) * d->stride > room - bytes)
		return damaged(p, "stride, count");
	return 0;
}

static int check_histogram(struct parse *p, const struct snp_fmt_desc *d)
{
	if (d->storage != SNP_ST_BANK && d->storage != SNP_ST_ROW)
		return damaged(p, "storage");
	if (d->nbuckets == 0 || d->nbuckets > MOST)
		return damaged(p, "nbuckets");
	if (d->scale < -4 || d->scale > 8)
		return damaged(p, "scale");
	if (d->idx_min < -16384 || d->idx_min > 16384)
		return damaged(p, "idx_min");
	return 0;
}

static int check_desc(struct parse *p, const struct snp_fmt_desc *d)
{
	int rc = check_cells(p, d);

	if (rc == 0 && (d->unit_exp < -UNIT_EXP_MAX || d->unit_exp > UNIT_EXP_MAX))
		rc = damaged(p, "unit_exp");
	if (rc == 0 && d->kind == SNP_KIND_HISTOGRAM)
		rc = check_histogram(p, d);
	return rc;
}

/* One cell for each value; a state is one cell that holds a value. */
static int parse_enum(struct parse *p, const struct snp_fmt_desc *d,
		      struct snp__metric *m)
{
	const struct snp__enum_texts *t = table_at(p, d->enum_off);
	bool state = d->kind == SNP_KIND_STATE;

	if (d->enum_off == 0)
		return state || d->count > 1 ? damaged(p, "enum_off, count") : 0;
	if (!t)
		return damaged(p, "enum_off");
	if (d->count != (state ? 1 : t->nr))
		return damaged(p, "enum_off, count");
	m->pub.enum_prom_name = t->prom_name;
	m->pub.enum_otel_name = t->otel_name;
	m->pub.enum_values = t->texts;
	m->pub.enum_values_nr = t->nr;
	return 0;
}

/* Names of the labels each series has. Room is left for the enum label. */
static void prepare_labels(const struct snp__schema *schema,
			   const struct snp_fmt_desc *d, struct snp__metric *m)
{
	for (size_t k = 0; k < schema->keys_nr; k++) {
		const struct snp__key *key = &schema->keys[k];

		if (!(d->row_keys & (UINT32_C(1) << k)) || key->source >= SNP_KEY_NR ||
		    m->row_labels_nr == SNP_LABELS_MAX - 1)
			continue;
		m->sources[m->row_labels_nr] = (uint8_t)key->source;
		m->labels[m->row_labels_nr++] =
		    (struct snp_label){key->prom_name, key->otel_name, ""};
	}
	m->enum_label = m->pub.enum_values && m->pub.kind != SNP_KIND_STATE;
	if (m->enum_label)
		m->labels[m->row_labels_nr] = (struct snp_label){
		    m->pub.enum_prom_name, m->pub.enum_otel_name, ""};
}

static int parse_buckets(struct parse *p, const struct snp_fmt_desc *d,
			 struct snp__metric *m)
{
	p->part = "bounds";
	if (d->bounds_count > MOST)
		return damaged(p, "bounds_off, bounds_count");
	if (d->bounds_count) {
		m->pub.bounds_ns = parse_bounds(p, "bounds_off, bounds_count",
						d->bounds_off, d->bounds_count);
		m->pub.bounds_nr = d->bounds_count;
	}
	if (d->kind == SNP_KIND_HISTOGRAM && !p->bad_field) {
		m->pub.upper_ns = parse_bounds(p, "upper_off", d->upper_off,
					       d->nbuckets + UINT64_C(1));
		if (m->pub.upper_ns && d->zero_threshold_ns > m->pub.upper_ns[1])
			(void)damaged(p, "zero_threshold_ns");
	}
	if (p->bad_field)
		return -EBADMSG;
	p->part = "descriptors";
	return 0;
}

static int parse_desc(struct parse *p, const struct snp_fmt_desc *d,
		      struct snp__metric *m)
{
	int rc = check_desc(p, d);

	if (rc < 0)
		return rc;
	m->pub = (struct snp_metric){
	    .id = d->id,
	    .kind = d->kind,
	    .vtype = d->vtype,
	    .level = d->level,
	    .row_kind = d->row_kind,
	    .name = text(p, "name", d->name),
	    .prom_name = text(p, "prom_name", d->prom_name),
	    .unit = text(p, "unit", d->unit),
	    .help = text(p, "help", d->help),
	    .unit_exp = d->unit_exp,
	    .cells = d->count,
	    .scale = d->scale,
	    .idx_min = d->idx_min,
	    .nbuckets = d->nbuckets,
	    .zero_threshold_ns = d->zero_threshold_ns,
	};
	m->storage = d->storage;
	m->sparse = d->flags & SNP_DESC_SPARSE && d->storage == SNP_ST_ROW;
	m->off = d->off;
	m->stride = d->stride;
	if (d->storage == SNP_ST_DERIVED) { /* checked for these only */
		m->derive = d->derive;
		m->derive_a = d->derive_a;
		m->derive_b = d->derive_b;
	}
	rc = parse_enum(p, d, m);
	if (rc == 0 && p->bad_field) /* a text; it comes before the bounds */
		rc = -EBADMSG;
	if (rc == 0)
		rc = parse_buckets(p, d, m);
	if (rc == 0)
		prepare_labels(p->schema, d, m);
	return rc;
}

static int parse_metrics(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.desc;
	uint64_t used = p->descs;
	struct snp_fmt_desc d;
	int rc;

	p->part = "descriptors";
	if (used > r->count || used > MOST)
		return damaged(p, "desc_used");
	p->schema->metrics = calloc(used ? used : 1, sizeof(*p->schema->metrics));
	if (!p->schema->metrics)
		return -ENOMEM;
	for (uint64_t i = 0; i < used; i++) {
		p->index = i + 1;
		memcpy(&d, p->seg->map + r->off + i * r->stride, sizeof(d));
		if (!known(&d))
			continue;
		rc = parse_desc(p, &d, &p->schema->metrics[p->schema->metrics_nr++]);
		if (rc < 0 || p->bad_field)
			return rc < 0 ? rc : -EBADMSG;
	}
	return 0;
}

int snp__schema_read(struct snp_segment *seg, struct snp_err *err)
{
	struct parse p = {.seg = seg, .schema = &seg->schema};
	int rc;

	/* Acquire: the descriptors below the watermark and all they refer to, so before
	 * those are read. Partner: snp__schema_build(), append() in adapter_metrics.c.
	 */
	p.descs = snp__word_acquire(seg, offsetof(struct snp_fmt_header, desc_used));
	seg->schema.descs = p.descs;
	rc = copy_strings(&p);
	if (rc == 0)
		rc = copy_bounds(&p);
	if (rc == 0)
		rc = parse_enums(&p);
	if (rc == 0)
		rc = parse_keys(&p);
	if (rc == 0)
		rc = parse_metrics(&p);
	free((void *)(uintptr_t)p.enums);
	free(p.good);
	if (rc == -ENOMEM)
		return snp_err_set(err, rc, "out of memory reading the schema of %s",
				   seg->info.path);
	if (rc < 0)
		return snp_err_set_field(
		    err, -EBADMSG, p.part, "%s is damaged: %s, entry %llu: %s",
		    seg->info.path, p.part, (unsigned long long)p.index, p.bad_field);
	return 0;
}

void snp__schema_fini(struct snp__schema *schema)
{
	for (size_t i = 0; i < schema->tables_nr; i++)
		free(schema->tables[i].texts);
	free(schema->tables);
	free(schema->metrics);
	free(schema->bounds);
	free(schema->strings);
	memset(schema, 0, sizeof(*schema));
}

const char *snp_segment_enum_text(const struct snp_segment *seg,
				  enum snp_enum_table table, uint64_t value)
{
	const struct snp__schema *schema = &seg->schema;

	if ((unsigned)table >= schema->tables_nr || value >= schema->tables[table].nr)
		return "?";
	return schema->tables[table].texts[value];
}
