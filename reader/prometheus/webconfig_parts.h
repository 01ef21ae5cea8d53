/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webconfig_parts.h - what webconfig.c (reading) and webconfig_check.c (meaning) have
 * in common. For nobody else.
 */
#ifndef SNP_PROMETHEUS_WEBCONFIG_PARTS_H
#define SNP_PROMETHEUS_WEBCONFIG_PARTS_H

#include <yaml.h>

#include "webconfig.h"

struct webconfig_reader {
	struct webconfig *config;
	yaml_document_t *document;
	const char *name;
	struct snp_err *err;
};

/* By enum, then NULL. */
extern const char *const webconfig_client_auth_names[];
extern const char *const webconfig_version_names[];

/* "NAME:LINE: ..."; returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int
webconfig_refuse(const struct webconfig_reader *r, size_t line, const char *fmt, ...);

/* Whether what has been read can be meant. -EINVAL. */
int webconfig_check(const struct webconfig_reader *r);

#endif
