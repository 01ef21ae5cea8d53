/* SPDX-License-Identifier: Apache-2.0 */
/* record_file.h - what the writer and the reader of recordings have in common. */
#ifndef SNP_TOP_RECORD_FILE_H
#define SNP_TOP_RECORD_FILE_H

#include <stdint.h>

#include "record.h"

#define RECORD_MAGIC "snptoprc"

/* Of the head, in this order; all but the program's version are numbers. */
enum {
	HEAD_MAGIC = 0,
	HEAD_VERSION = 8,  /* u32 */
	HEAD_LAYOUT = 12,  /* u64, top_codec_layout() */
	HEAD_PROGRAM = 20, /* text, NUL-padded */
	HEAD_CRC = 36,	   /* u32, of what is before it */
};
#define HEAD_PROGRAM_BYTES (HEAD_CRC - HEAD_PROGRAM)

/* Of a chunk: length and checksum of the payload. */
enum { CHUNK_LEN = 0, CHUNK_CRC = 4, CHUNK_HEAD_BYTES = 8 };

/* Far more than a frame of all the rows there can be. */
#define CHUNK_BYTES_MAX (512U << 20)

/* What follows the events of a frame. */
enum { POINT_NONE, POINT_POOL, POINT_WORKER };

static inline void record_put(unsigned char *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static inline uint64_t record_get(const unsigned char *from, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

#endif
