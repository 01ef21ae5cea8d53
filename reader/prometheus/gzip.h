/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h - a page compressed. The one module that knows zlib. */
#ifndef SNP_PROMETHEUS_GZIP_H
#define SNP_PROMETHEUS_GZIP_H

#include "model/buf.h"

struct gzip;

/* Reusable, for one thread at a time. -ENOMEM. */
int gzip_create(struct gzip **ret_gzip);
void gzip_destroy(struct gzip **gzip);

/* Append `len` bytes as one gzip file, piece by piece: `out` grows with what comes out,
 * not with what could. The buffer says whether memory ran out. */
void gzip_page(struct gzip *gzip, const char *data, size_t len, struct snp_buf *out);

#endif
