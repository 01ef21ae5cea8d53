/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - keys.def as data: one table that is walked, and the same for libcyaml.
 *
 * Constant data; any thread may read it.
 */
#ifndef SNP_CONFIG_SCHEMA_H
#define SNP_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "rule.h"

enum key_type {
	KEY_STR,
	KEY_U32,
	KEY_F64,
	KEY_BOOL,
	KEY_ENUM,
	KEY_LIST, /* of strings */
	KEY_MAP,
	KEY_MAP_PTR, /* NULL when left out */
	KEY_MAPS,    /* a list of sections */
};

enum key_flags {
	KEY_REQUIRED = 1 << 0,
	KEY_NULLABLE = 1 << 1,
	KEY_LIVE = 1 << 2,
	KEY_ROLL = 1 << 3,
	KEY_SECRET = 1 << 4,
};

struct section;

struct key {
	const char *name;
	enum key_type type;
	unsigned flags;
	const char *deflt; /* as in the file; NULL: none */
	const char *help;
	double min, max;	     /* KEY_U32 and KEY_F64, inclusive */
	enum rule rule;		     /* KEY_STR and KEY_LIST */
	const cyaml_strval_t *names; /* KEY_ENUM */
	size_t names_count;
	const struct section *section; /* KEY_MAP, KEY_MAP_PTR, KEY_MAPS */
	size_t offset;		       /* of the member in its section's struct */
	size_t count_offset;	       /* KEY_LIST and KEY_MAPS */
	size_t item_bytes;	       /* KEY_MAPS: size of the section's struct */
};

struct section {
	const struct key *keys;
	size_t count;
};

/* The file as a whole, and what libcyaml needs to fill a struct snp_config. */
extern const struct section snp__config_root;
extern const cyaml_schema_value_t snp__config_cyaml;

/* NULL if the section has no such key. */
const struct key *snp__section_find(const struct section *section, const char *name);

/* Is its value in the file a mapping? */
bool snp__key_is_map(const struct key *key);

/* The name of an enum's value, NULL if it has none. */
const char *snp__key_enum_name(const struct key *key, int64_t value);

/* Write what `key`, or one item of it if it is a list of strings, accepts, in words
 * that complete "expected ". */
enum key_part { KEY_WHOLE, KEY_ITEM };
void snp__key_describe(const struct key *key, enum key_part part, char *ret_text,
		       size_t size);

#endif
