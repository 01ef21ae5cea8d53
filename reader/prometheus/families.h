/* SPDX-License-Identifier: Apache-2.0 */
/*
 * families.h - the metrics of a segment as the families of a page.
 *
 * What can be known once per segment is prepared once: which metrics are exported, how
 * formats call them, and by the encoders what their lines have in common. No metric's
 * name is known here; all come from the segment, which is not trusted: a family the
 * formats could not carry, or that would appear twice, is left out and counted.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_FAMILIES_H
#define SNP_PROMETHEUS_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/exemplars.h"
#include "expo.h"
#include "labels.h"
#include "snakepit/read.h"

enum families_levels {
	FAMILIES_DEFAULT, /* SNP_LEVEL_INFO alone */
	FAMILIES_DIAG,	  /* and SNP_LEVEL_DIAG */
};

enum families_part {
	FAMILIES_ALL,
	/* The runtime is gone: what described its present (gauges of pools and workers)
	 * describes nothing any more; what it counted stays true. */
	FAMILIES_LASTING,
};

struct text_lines;

struct family {
	const struct snp_metric *metric;
	struct expo_family as;
	bool present;		  /* describes the present rather than a total */
	bool checked;		  /* whether its labels have been */
	bool rejected;		  /* because of them */
	struct label_set *rows;	  /* once checked */
	struct text_lines *lines; /* text.c's */
};

struct families {
	struct family *list;
	size_t nr;
	size_t rejected; /* metrics left out because of what they are called */
	struct labels labels;
	struct snp_exemplars *exemplars;
	struct snp_buf text;  /* what text.c's lines are made of */
	struct snp_buf start; /* what those of one histogram begin with */
};

/* Prepare for the segment `snap` was taken from; good for every snapshot of it, and not
 * beyond it. `instance`: the value of the label that tells several instances apart,
 * NULL without one. -ENOMEM. */
int families_create(const struct snp_snapshot *snap, enum families_levels levels,
		    const char *instance, struct families **ret_families);
void families_destroy(struct families **families);

/* NULL when there is none of that name. One that was rejected because of its labels is
 * found, and cannot be entered. */
struct family *families_find(const struct families *families, const char *name);

/* Before a family's series are written: look at its labels, and bring what is kept of
 * them up to date with the snapshot, which labels_begin() has announced. False when it
 * has no series, is rejected, or (*ret_failed) memory ran out. */
bool families_enter(struct families *families, struct family *family,
		    const struct snp_snapshot *snap, bool *ret_failed);

/* Whether a series of an entered family belongs on the page. */
static inline bool families_shows(const struct family *family,
				  const struct snp_series *series)
{
	return !family->present || !family->rows->rows[series->row].retired;
}

#endif
