/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h - print events as they happen. One thread. */
#ifndef SNP_INSPECT_FOLLOW_H
#define SNP_INSPECT_FOLLOW_H

#include "options.h"

/* Print what is there, then what comes, until the writer of the segment has gone: its
 * last events, too. Errors as snp_segment_attach(), and of writing to stdout. */
int follow(const struct options *options, struct snp_segment *seg, struct snp_err *err);

#endif
