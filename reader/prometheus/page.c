/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <errno.h>
#include <stdlib.h>

#include "model/gzip.h"
#include "model/number.h"
#include "own.h"
#include "proto.h"
#include "text.h"

struct page_room {
	struct own own;
	struct proto proto;
	struct snp_gzip *gzip;
	struct snp_buf plain; /* what is to be compressed */
};

int page_room_create(struct page_room **ret_room)
{
	struct page_room *room = calloc(1, sizeof(*room));

	if (!room)
		return -ENOMEM;
	if (snp_gzip_create(&room->gzip) < 0) {
		free(room);
		return -ENOMEM;
	}
	*ret_room = room;
	return 0;
}

void page_room_destroy(struct page_room **room)
{
	if (!*room)
		return;
	own_fini(&(*room)->own);
	proto_fini(&(*room)->proto);
	snp_gzip_destroy(&(*room)->gzip);
	snp_buf_fini(&(*room)->plain);
	free(*room);
	*room = NULL;
}

/* ---- one page under construction ----------------------------------------- */

struct draft {
	const struct page *page;
	struct page_room *room;
	struct snp_buf *buf;
	bool protobuf, openmetrics;
};

static bool is_wanted(const struct draft *draft, const struct expo_family *family,
		      bool always)
{
	return scrape_filter_wants(draft->page->filter, family->name, always);
}

/* ---- families of the segments -------------------------------------------- */

/* Families of one name that differ in type cannot be one family. */
static struct family *family_of(const struct page_source *source,
				const struct expo_family *as)
{
	struct family *family =
	    source->families ? families_find(source->families, as->name) : NULL;

	return family && family->as.type == as->type ? family : NULL;
}

static void render_part(const struct draft *draft, const struct page_source *source,
			struct family *family, bool *begun)
{
	const struct text_job job = {.openmetrics = draft->openmetrics,
				     .created = draft->page->created,
				     .buf = draft->buf};

	if (source->part == FAMILIES_LASTING && family->present)
		return;
	if (!families_enter(source->families, family, source->snap,
			    &draft->buf->failed))
		return;
	if (draft->protobuf)
		proto_add_family(&draft->room->proto, source, family);
	else
		text_family(&job, source, family, begun);
}

/* A family of source `first` and of those behind it. */
static void render_family(const struct draft *draft, size_t first,
			  const struct expo_family *as)
{
	struct family *family;
	bool begun = false;

	if (!is_wanted(draft, as, false))
		return;
	proto_begin(&draft->room->proto);
	for (size_t i = first; i < draft->page->sources_nr; i++) {
		const struct page_source *source = &draft->page->sources[i];

		family = family_of(source, as);
		if (family)
			render_part(draft, source, family, &begun);
	}
	if (draft->protobuf)
		proto_end(&draft->room->proto, as, draft->buf);
}

/* Whether a source before this one has had the name on the page. */
static bool is_done(const struct draft *draft, size_t source, const char *name)
{
	for (size_t i = 0; i < source; i++)
		if (draft->page->sources[i].families &&
		    families_find(draft->page->sources[i].families, name))
			return true;
	return false;
}

static void render_families(const struct draft *draft)
{
	for (size_t i = 0; i < draft->page->sources_nr; i++) {
		const struct page_source *source = &draft->page->sources[i];

		for (size_t f = 0; source->families && f < source->families->nr; f++) {
			const struct expo_family *as = &source->families->list[f].as;

			if (!is_done(draft, i, as->name))
				render_family(draft, i, as);
		}
	}
}

/* Ready for a look at the snapshot. */
static void begin_source(const struct page_source *source)
{
	if (!source->families)
		return;
	labels_begin(&source->families->labels);
	snp_exemplars_look(source->families->exemplars, source->seg, source->snap);
}

/* ---- the exporter's own -------------------------------------------------- */

static void put_own(const struct draft *draft, const struct own_value *value)
{
	struct snp_buf *buf = draft->buf;
	char *at;

	snp_buf_puts(buf, own_families[value->id].name);
	if (value->instance || value->label)
		snp_buf_putc(buf, '{');
	if (value->instance)
		expo_label(buf, LABELS_INSTANCE, value->instance);
	if (value->instance && value->label)
		snp_buf_putc(buf, ',');
	if (value->label)
		expo_label(buf, value->label, value->label_value);
	if (value->instance || value->label)
		snp_buf_putc(buf, '}');
	snp_buf_putc(buf, ' ');
	at = snp_buf_reserve(buf, SNP_NUMBER_BYTES);
	if (at)
		snp_buf_commit(buf, own_number(at, value));
	snp_buf_putc(buf, '\n');
}

static void render_own(const struct draft *draft, enum own_id id)
{
	const struct expo_family *family = &own_families[id];
	const struct own *own = &draft->room->own;
	bool begun = false;

	if (!is_wanted(draft, family, own_is_always(id)))
		return;
	proto_begin(&draft->room->proto);
	for (size_t i = 0; i < own->nr; i++) {
		if (own->values[i].id != id)
			continue;
		if (draft->protobuf) {
			proto_add_own(&draft->room->proto, &own->values[i]);
			continue;
		}
		if (!begun && draft->openmetrics)
			expo_head_openmetrics(draft->buf, family);
		else if (!begun)
			expo_head_text(draft->buf, family);
		begun = true;
		put_own(draft, &own->values[i]);
	}
	if (draft->protobuf)
		proto_end(&draft->room->proto, family, draft->buf);
}

static void render_above(const struct draft *draft)
{
	const struct page *page = draft->page;
	struct own *own = &draft->room->own;

	own_reset(own);
	for (size_t i = 0; i < page->sources_nr; i++)
		own_gather_source(own, &page->sources[i]);
	if (page->sources_nr == 0)
		own_gather_nothing(own);
	for (unsigned id = 0; id <= OWN_LAST_ABOVE; id++)
		render_own(draft, (enum own_id)id);
	draft->buf->failed |= own->failed;
}

static void gather_below(const struct draft *draft)
{
	const struct page *page = draft->page;
	struct own *own = &draft->room->own;

	for (size_t i = 0; i < page->sources_nr; i++)
		own_gather_success(own, page->sources[i].label, "segment",
				   page->sources[i].complete);
	if (page->exporter_metrics) {
		own_gather_success(own, NULL, "process",
				   own_gather_process(own, page->started));
		own_gather_version(own);
	}
	own_gather_duration(own, snp_mono_since_ns(snp_mono_now(), page->begin));
}

static void render_below(const struct draft *draft)
{
	struct own *own = &draft->room->own;

	own_reset(own);
	gather_below(draft);
	for (unsigned id = OWN_LAST_ABOVE + 1; id < OWN_NR; id++)
		render_own(draft, (enum own_id)id);
	draft->buf->failed |= own->failed;
}

/* ---- all of it ----------------------------------------------------------- */

/* Families whose labels nobody had seen were found wanting on the way. */
static void judge_source(struct page_source *source)
{
	source->complete = source->families && source->families->rejected == 0 &&
			   snp_snapshot_stats(source->snap)->rows_skipped == 0;
}

static void render_plain(struct page_room *room, const struct page *page,
			 struct snp_buf *buf)
{
	const struct draft draft = {
	    .page = page,
	    .room = room,
	    .buf = buf,
	    .protobuf = page->as.format == EXPO_PROTOBUF,
	    .openmetrics = page->as.format == EXPO_OPENMETRICS_0_0_1 ||
			   page->as.format == EXPO_OPENMETRICS_1_0_0,
	};

	for (size_t i = 0; i < page->sources_nr; i++)
		begin_source(&page->sources[i]);
	render_above(&draft);
	render_families(&draft);
	for (size_t i = 0; i < page->sources_nr; i++)
		judge_source(&page->sources[i]);
	render_below(&draft);
	if (draft.openmetrics)
		snp_buf_puts(buf, "# EOF\n");
}

void page_render(struct page_room *room, const struct page *page, struct snp_buf *buf)
{
	if (!page->as.gzip) {
		render_plain(room, page, buf);
		return;
	}
	snp_buf_reset(&room->plain);
	render_plain(room, page, &room->plain);
	if (room->plain.failed)
		buf->failed = true;
	else
		snp_gzip_append(room->gzip, room->plain.data, room->plain.len, buf);
}
