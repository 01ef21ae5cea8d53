/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h - bytes compressed. The one module that knows zlib; who uses it links it. */
#ifndef SNP_MODEL_GZIP_H
#define SNP_MODEL_GZIP_H

#include "model/buf.h"

struct snp_gzip;

/* Reusable, for one thread at a time. -ENOMEM. */
int snp_gzip_create(struct snp_gzip **ret_gzip);
void snp_gzip_destroy(struct snp_gzip **gzip);

/* Append `len` bytes as one gzip file, piece by piece: `out` grows with what comes out,
 * not with what could. The buffer says whether memory ran out. */
void snp_gzip_append(struct snp_gzip *gzip, const char *data, size_t len,
		     struct snp_buf *out);

/* Append what a gzip file of `len` bytes holds, and at most `max`: -EMSGSIZE where it
 * is more, -EBADMSG where it is no whole gzip file, -ENOMEM. Of a failure something may
 * have been appended. Any thread. */
int snp_gunzip(const char *data, size_t len, size_t max, struct snp_buf *out);

#endif
