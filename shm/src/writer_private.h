/* SPDX-License-Identifier: Apache-2.0 */
/* writer_private.h - the writer's object, shared by the writer's own files only. */
#ifndef SNP_SHM_WRITER_PRIVATE_H
#define SNP_SHM_WRITER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "layout.h"
#include "snakepit/check.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

struct snp_writer {
	unsigned char *map; /* the whole file, MAP_SHARED, read-write */
	struct snp_fmt_header *header;
	struct snp__layout layout;
	struct snp_writer_options options; /* zeros replaced, strings not kept */
	int dir_fd, file_fd, lock_fd;
	char instance[SNP_FMT_NAME_BYTES];
	char path[SNP_PATH_BYTES];
	char uuid[37];
	bool published;
	pthread_mutex_t mutex; /* protects: strings, row tables, bank_used, next_uid */
	bool *bank_used;       /* by bank */
	uint64_t next_uid;
	uint32_t strt_used_bytes; /* private copy of header.strt_used */
};

/* Start of entry `index` of a region. */
static inline void *snp__entry(const struct snp_writer *w, enum snp__place place,
			       uint64_t index)
{
	const struct snp_fmt_region *r = &w->layout.region[place];

	return w->map + r->off + index * r->stride;
}

/* Fill DESC, KEYS, ENUM, BNDS, JSON and STRT from the tables; -ENOSPC when a region is
 * too small (a mistake in layout.h). */
int snp__schema_build(struct snp_writer *w, struct snp_err *err);

/* Copy a string into STRT. Returns its reference, or 0 when there is no room (counted
 * in text_truncated). Equal strings are stored once for schema strings only. mutex
 * held. */
uint32_t snp__string_add(struct snp_writer *w, const char *text);

#endif
