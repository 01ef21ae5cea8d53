/* SPDX-License-Identifier: Apache-2.0 */
/* enum_text.h - the tables of enums.def as data. */
#ifndef SNP_SHM_ENUM_TEXT_H
#define SNP_SHM_ENUM_TEXT_H

#include <stdint.h>

#include "snakepit/format.h"

struct snp__enum_table {
	const char *label; /* "" for tables that are no label */
	uint32_t nr;
	const char *const *texts;
};

const struct snp__enum_table *snp__enum_table(enum snp_enum_table table);

#endif
