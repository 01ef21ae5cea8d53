/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of enums.def, for the writer's ENUM region and for people. */
#include "enum_text.h"

#include "snakepit/read.h"

/* One array a table ... */
#define SNP_ENUM_BEGIN(table, label)	static const char *const texts_##table[] = {
#define SNP_ENUM_VALUE(table, id, text) text,
#define SNP_ENUM_END(table)                                                            \
	}                                                                              \
	;
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END

/* ... and the table of tables. */
static const struct snp__enum_table tables[SNP_ENUM_TABLE_NR] = {
#define SNP_ENUM_BEGIN(table, label)                                                   \
	[SNP_ENUM_TABLE_##table] = {label, SNP_##table##_NR, texts_##table},
#define SNP_ENUM_VALUE(table, id, text)
#define SNP_ENUM_END(table)
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END
};

const struct snp__enum_table *snp__enum_table(enum snp_enum_table table)
{
	return &tables[table];
}

const char *snp_enum_text(enum snp_enum_table table, uint64_t value)
{
	if ((unsigned)table >= SNP_ENUM_TABLE_NR || value >= tables[table].nr)
		return "?";
	return tables[table].texts[value];
}
