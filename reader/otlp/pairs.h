/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pairs.h - "name=value,name=value" with values percent-encoded: how variables write
 * headers and attributes. Pure but for memory.
 */
#ifndef SNP_OTLP_PAIRS_H
#define SNP_OTLP_PAIRS_H

/* One member, without blanks around name and value, the value decoded. Both die with
 * the call. *ret_wrong: a static text that says what is wrong with it, if anything is.
 * A negative errno ends the reading. */
typedef int (*otlp_pair_fn)(void *user, const char *name, const char *value,
			    const char **ret_wrong);

/* Empty members are skipped, malformed ones not handed to `take`. *ret_wrong: what is
 * wrong with the last bad one, NULL if there is none. -ENOMEM, or what `take` returned.
 */
int otlp_pairs_read(const char *text, otlp_pair_fn take, void *user,
		    const char **ret_wrong);

#endif
