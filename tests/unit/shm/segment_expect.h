/* SPDX-License-Identifier: Apache-2.0 */
/* segment_expect.h - what the tests of damaged segments assert, on the bench of
 * segment_lab.h. */
#ifndef SNP_SEGMENT_EXPECT_H
#define SNP_SEGMENT_EXPECT_H

#include "snp_test.h"

#include "segment_lab.h"

static inline int lab_setup(void **state)
{
	*state = lab_make();
	return 0;
}

static inline int lab_teardown(void **state)
{
	lab_destroy((struct lab **)state);
	return 0;
}

/* Attach to `path` fails with `rc`, names `field`, and says `text` and the file. */
static inline void expect_path(const char *path, int rc, const char *field,
			       const char *text)
{
	struct snp_segment *seg = (void *)0x1;
	struct snp_err err = {0};

	assert_int_equal(snp_segment_attach(path, &seg, &err), rc);
	assert_ptr_equal(seg, (void *)0x1); /* untouched on failure */
	assert_int_equal(err.code, rc);
	if (!err.field || strcmp(err.field, field) != 0)
		fail_msg("field %s instead of %s: %s", err.field ? err.field : "none",
			 field, err.msg);
	if (!strstr(err.msg, path) || !strstr(err.msg, text))
		fail_msg("'%s' does not say '%s' and '%s'", err.msg, path, text);
}

static inline void expect(struct lab *lab, int rc, const char *field, const char *text)
{
	expect_path(lab->path, rc, field, text);
	lab_restore(lab);
}

/* The same after fresh checksums: the number itself must be noticed. */
static inline void expect_sealed(struct lab *lab, int rc, const char *field,
				 const char *text)
{
	lab_seal(lab);
	expect(lab, rc, field, text);
}

/* Probe the damaged file: whole or an error, and the bench is clean again. */
static inline int probe_and_restore(struct lab *lab)
{
	struct snp_err err = {0};
	int rc = lab_probe(lab, &err);

	lab_restore(lab);
	if (rc < 0 && (!strstr(err.msg, lab->path) || rc == -ENOMEM))
		fail_msg("error %d: '%s'", rc, err.msg);
	return rc;
}

#endif
