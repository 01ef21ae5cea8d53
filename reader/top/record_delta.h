/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_delta.h - one run of bytes as its difference to another. Pure.
 *
 * A delta is pairs of "so many bytes stay" and "so many are these", each number in
 * LEB128, until the new length is reached.
 */
#ifndef SNP_TOP_RECORD_DELTA_H
#define SNP_TOP_RECORD_DELTA_H

#include "model/buf.h"

void top_delta_make(const struct snp_buf *before, const struct snp_buf *after,
		    struct snp_buf *out);

/* Make `image` what it was when the delta was made, `len` bytes. False: the delta is
 * none of it, or there is no memory (image->failed); `image` must not be used. */
bool top_delta_apply(struct snp_buf *image, size_t len, const unsigned char *delta,
		     size_t delta_len);

#endif
