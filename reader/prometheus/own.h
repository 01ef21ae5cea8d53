/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - what the exporter says about itself, the segment and its own process.
 *
 * Values are gathered first, and written by the encoder of the page's format. One
 * thread at a time.
 */
#ifndef SNP_PROMETHEUS_OWN_H
#define SNP_PROMETHEUS_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expo.h"
#include "snakepit/time.h"
#include "source.h"

enum own_id {
#define OWN(id, name, type, unit, help) OWN_##id,
#include "own.def"
#undef OWN
	OWN_NR
};
#define OWN_LAST_ABOVE OWN_OVERFLOWS

extern const struct expo_family own_families[OWN_NR];

struct own_value {
	enum own_id id;
	const char *instance; /* value of LABELS_INSTANCE, or NULL */
	const char *label;    /* one more, or NULL */
	char label_value[32];
	uint64_t number;
	bool ns; /* the number is nanoseconds, shown as seconds */
};

struct own {
	struct own_value *values; /* in any order */
	size_t nr, max;
	bool failed; /* memory ran out */
};

void own_fini(struct own *own);
static inline void own_reset(struct own *own)
{
	own->nr = 0;
	own->failed = false;
}

/* Whether a metric of the segment would take the place of one of the exporter's: of
 * own.def, or with a reserved prefix, process_ and scrape_. */
bool own_is_reserved(const struct expo_family *family);

/* Whether a family is about the scrape itself; see filter.h. */
bool own_is_always(enum own_id id);

/* Of an instance: up, and how well its segment could be read. Adds to its totals. */
void own_gather_source(struct own *own, const struct page_source *source);
/* Without an instance to speak of. */
void own_gather_nothing(struct own *own);

/* process_*; false when /proc could not be read and some are missing. */
bool own_gather_process(struct own *own, snp_wall_t started);

/* Whether all of an instance's segment, and of the process, is on the page. */
void own_gather_success(struct own *own, const char *instance, const char *collector,
			bool ok);
void own_gather_version(struct own *own);
void own_gather_duration(struct own *own, uint64_t ns);

/* The value as text: at most SNP_NUMBER_BYTES. Returns how many. */
size_t own_number(char *dst, const struct own_value *value);

#endif
