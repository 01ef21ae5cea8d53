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

#define ENUM_VALUES_MAX 1024
#define UNIT_EXP_MAX	30 /* quetta and quecto */

struct parse {
	struct snp_segment *seg;
	struct snp__schema *schema;
	/* What is being read, for messages, and the field of it that does not hold. */
	const char *thing;
	uint64_t index;
	const char *bad_field; /* NULL while all is well */
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
 * yields
 * "", so that callers need not look before the end. */
static const char *text(struct parse *p, const char *field, uint32_t ref)
{
	uint64_t at = (uint64_t)ref * 8, room;
	uint32_t len;
	const char *s;

	if (ref == 0)
		return "";
	if (at >= p->schema->strings_bytes ||
	    p->schema->strings_bytes - at < sizeof(len) + 1) {
		(void)damaged(p, field);
		return "";
	}
	memcpy(&len, p->schema->strings + at, sizeof(len));
	room = p->schema->strings_bytes - at - sizeof(len) - 1;
	s = p->schema->strings + at + sizeof(len);
	if (len > room || s[len] != '\0' || !snp__utf8_ok(s, len)) {
		(void)damaged(p, field);
		return "";
	}
	return s;
}

static int copy_strings(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.strt;
	/* Acquire: the bytes below the watermark. Partner: snp__string_add(). */
	uint64_t used =
	    snp__word_acquire(p->seg, offsetof(struct snp_fmt_header, strt_used));

	if (used > r->len)
		return damaged(p, "strt_used");
	p->schema->strings = malloc(used ? used : 1);
	if (!p->schema->strings)
		return -ENOMEM;
	memcpy(p->schema->strings, p->seg->map + r->off, used);
	p->schema->strings_bytes = used;
	return 0;
}

/* ---- keys, enums, bounds ------------------------------------------------- */

static void parse_keys(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.keys;
	size_t max = sizeof(p->schema->keys) / sizeof(p->schema->keys[0]);

	p->thing = "key";
	for (uint64_t i = 0; r->type && i < r->count && i < max; i++) {
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
			return;
	}
}

static int parse_enum(struct parse *p, uint32_t at, struct snp__metric *m)
{
	const struct snp_fmt_region *r = &p->seg->regions.enums;
	const unsigned char *base = p->seg->map + r->off;
	uint32_t head[3], ref;

	if (!r->type || at > r->count || r->count - at < 3)
		return damaged(p, "enum_off");
	memcpy(head, base + (uint64_t)at * 4, sizeof(head));
	if (head[2] == 0 || head[2] > ENUM_VALUES_MAX || head[2] > r->count - at - 3)
		return damaged(p, "enum_off");
	m->enum_texts = calloc(head[2], sizeof(*m->enum_texts));
	if (!m->enum_texts)
		return -ENOMEM;
	for (uint32_t i = 0; i < head[2]; i++) {
		memcpy(&ref, base + ((uint64_t)at + 3 + i) * 4, sizeof(ref));
		m->enum_texts[i] = text(p, "enum_off", ref);
	}
	m->pub.enum_prom_name = text(p, "enum_off", head[0]);
	m->pub.enum_otel_name = text(p, "enum_off", head[1]);
	m->pub.enum_values = m->enum_texts;
	m->pub.enum_values_nr = head[2];
	return 0;
}

static int parse_bounds(struct parse *p, const struct snp_fmt_desc *d,
			struct snp__metric *m)
{
	const struct snp_fmt_region *r = &p->seg->regions.bnds;

	if (d->bounds_count == 0)
		return 0;
	if (!r->type || d->bounds_off > r->count ||
	    d->bounds_count > r->count - d->bounds_off)
		return damaged(p, "bounds_off, bounds_count");
	m->bounds = calloc(d->bounds_count, sizeof(*m->bounds));
	if (!m->bounds)
		return -ENOMEM;
	memcpy(m->bounds, p->seg->map + r->off + (uint64_t)d->bounds_off * 8,
	       (size_t)d->bounds_count * 8);
	for (uint32_t i = 1; i < d->bounds_count; i++)
		if (m->bounds[i] <= m->bounds[i - 1])
			return damaged(p, "bounds, not ascending");
	m->pub.bounds_ns = m->bounds;
	m->pub.bounds_nr = d->bounds_count;
	return 0;
}

/* ---- descriptors --------------------------------------------------------- */

static bool known(const struct snp_fmt_desc *d)
{
	return d->kind >= SNP_KIND_COUNTER && d->kind <= SNP_KIND_INFO &&
	       d->storage >= SNP_ST_BANK && d->storage <= SNP_ST_ONE &&
	       d->row_kind < SNP_ROW_KINDS && d->retired_minor == 0 &&
	       (d->storage != SNP_ST_DERIVED ||
		d->derive == SNP_DERIVE_WORKERS_BY_STATUS);
}

/* Bytes one cell of the metric takes. */
static uint64_t cell_bytes(const struct snp_fmt_desc *d)
{
	return d->kind == SNP_KIND_HISTOGRAM ? 8 * ((uint64_t)d->nbuckets + 3) : 8;
}

/* Bytes the storage of one row has, 0 where the segment lacks it. */
static uint64_t row_bytes(const struct snp__regions *all, const struct snp_fmt_desc *d)
{
	switch (d->storage) {
	case SNP_ST_BANK:
		return all->bank[d->row_kind].type ? all->bank[d->row_kind].stride : 0;
	case SNP_ST_ROW:
		return all->rowc[d->row_kind].type ? all->rowc[d->row_kind].stride : 0;
	case SNP_ST_LATCH:
		return all->rowc[d->row_kind].type ? 8 * SNP_LATCH_WORDS : 0;
	case SNP_ST_HEADER:
		return SNP_FMT_HEADER_BYTES;
	default:
		return 0;
	}
}

static int check_derived(struct parse *p, const struct snp_fmt_desc *d)
{
	const struct snp_fmt_region *r = &p->seg->regions.rowc[SNP_ROW_WORKER];
	uint64_t room = r->type ? r->stride : 0;

	if (room < 8 || d->derive_a % 8 || d->derive_a > room - 8 || d->derive_b % 8 ||
	    d->derive_b > room - 8)
		return damaged(p, "derive_a, derive_b");
	return 0;
}

/* Every cell lies inside its row. */
static int check_cells(struct parse *p, const struct snp_fmt_desc *d)
{
	uint64_t room, bytes = cell_bytes(d);

	if (d->count == 0 || d->count > ENUM_VALUES_MAX)
		return damaged(p, "count");
	if (d->storage == SNP_ST_ONE)
		return 0;
	if (d->storage == SNP_ST_DERIVED)
		return check_derived(p, d);
	room = row_bytes(&p->seg->regions, d);
	if (d->off % 8 || d->off > room || room - d->off < bytes)
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
	if (d->nbuckets == 0)
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

static int parse_buckets(struct parse *p, struct snp__metric *m)
{
	m->pub.upper_ns = m->upper_ns = snp__hist_bounds(&m->pub);
	if (!m->upper_ns)
		return -ENOMEM;
	return m->upper_ns[0] > m->upper_ns[1] ? damaged(p, "zero_threshold_ns") : 0;
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
	m->off = d->off;
	m->stride = d->stride;
	m->row_keys = d->row_keys;
	if (d->storage == SNP_ST_DERIVED) { /* checked for these only */
		m->derive = d->derive;
		m->derive_a = d->derive_a;
		m->derive_b = d->derive_b;
	}
	if (d->enum_off)
		rc = parse_enum(p, d->enum_off, m);
	if (rc == 0)
		rc = parse_bounds(p, d, m);
	if (rc == 0 && d->kind == SNP_KIND_HISTOGRAM)
		rc = parse_buckets(p, m);
	if (rc == 0 && d->kind != SNP_KIND_STATE && d->count > 1 &&
	    d->count != m->pub.enum_values_nr)
		rc = damaged(p, "enum_off, count");
	return rc;
}

static int parse_metrics(struct parse *p)
{
	const struct snp_fmt_region *r = &p->seg->regions.desc;
	/* Acquire: the descriptors below the watermark. Partner: snp__schema_build().
	 */
	uint64_t used =
	    snp__word_acquire(p->seg, offsetof(struct snp_fmt_header, desc_used));
	struct snp_fmt_desc d;
	int rc;

	if (used > r->count)
		return damaged(p, "desc_used");
	p->schema->metrics = calloc(used ? used : 1, sizeof(*p->schema->metrics));
	if (!p->schema->metrics)
		return -ENOMEM;
	p->thing = "descriptor";
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
	struct parse p = {.seg = seg, .schema = &seg->schema, .thing = "watermark"};
	int rc = copy_strings(&p);

	if (rc == 0) {
		parse_keys(&p);
		rc = p.bad_field ? -EBADMSG : parse_metrics(&p);
	}
	if (rc == -ENOMEM)
		return snp_err_set(err, rc, "out of memory reading the schema of %s",
				   seg->info.path);
	if (p.bad_field)
		return snp_err_set(err, -EBADMSG, "%s is damaged: schema, %s %llu: %s",
				   seg->info.path, p.thing, (unsigned long long)p.index,
				   p.bad_field);
	return 0;
}

void snp__schema_fini(struct snp__schema *schema)
{
	for (size_t i = 0; i < schema->metrics_nr; i++) {
		free(schema->metrics[i].enum_texts);
		free(schema->metrics[i].bounds);
		free(schema->metrics[i].upper_ns);
	}
	free(schema->metrics);
	free(schema->strings);
	memset(schema, 0, sizeof(*schema));
}
