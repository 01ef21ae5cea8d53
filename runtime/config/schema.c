/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define snp_cfg_root	snp_config /* the one section whose struct has another name */
#define MEMBER(s, m)	(((struct snp_cfg_##s *)0)->m)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Names of enum values ------------------------------------------------ */

#define NAMES(list, PREFIX, TABLE)                                                     \
	static const cyaml_strval_t list[] = {TABLE(PREFIX##_NAME)};

#define PROFILE_NAME(id, name)	     {(name), SNP_CFG_PROFILE_##id},
#define BRIDGE_NAME(id, name)	     {(name), SNP_CFG_BRIDGE_##id},
#define AFFINITY_NAME(id, name)	     {(name), SNP_CFG_AFFINITY_##id},
#define SAMPLER_NAME(id, name)	     {(name), SNP_CFG_SAMPLER_##id},
#define OTLP_PROTOCOL_NAME(id, name) {(name), SNP_CFG_OTLP_PROTOCOL_##id},
#define OTLP_EXPORTER_NAME(id, name) {(name), SNP_CFG_OTLP_EXPORTER_##id},
#define STATSD_TAGS_NAME(id, name)   {(name), SNP_CFG_STATSD_TAGS_##id},
#define LOG_LEVEL_NAME(id, name)     {(name), LOG_LEVEL_##id},
#define LOG_FORMAT_NAME(id, name)    {(name), LOG_FORMAT_##id},

NAMES(profile_names, PROFILE, SNP_CFG_PROFILES)
NAMES(bridge_names, BRIDGE, SNP_CFG_BRIDGES)
NAMES(affinity_names, AFFINITY, SNP_CFG_AFFINITIES)
NAMES(sampler_names, SAMPLER, SNP_CFG_SAMPLERS)
NAMES(otlp_protocol_names, OTLP_PROTOCOL, SNP_CFG_OTLP_PROTOCOLS)
NAMES(otlp_exporter_names, OTLP_EXPORTER, SNP_CFG_OTLP_EXPORTERS)
NAMES(statsd_tags_names, STATSD_TAGS, SNP_CFG_STATSD_TAGS)
NAMES(log_level_names, LOG_LEVEL, LOG_LEVELS)
NAMES(log_format_names, LOG_FORMAT, LOG_FORMATS)

/* libcyaml's own booleans take any word it does not know for true. */
static const cyaml_strval_t bool_names[] = {{"false", false}, {"true", true}};

static const char *name_of(const cyaml_strval_t *names, size_t n, int64_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].val == value)
			return names[i].str;
	}
	return NULL;
}

const char *snp_cfg_profile_name(enum snp_cfg_profile profile)
{
	return name_of(profile_names, COUNT_OF(profile_names), (int64_t)profile);
}

const char *snp_cfg_bridge_name(enum snp_cfg_bridge bridge)
{
	return name_of(bridge_names, COUNT_OF(bridge_names), (int64_t)bridge);
}

const char *snp_cfg_affinity_name(enum snp_cfg_affinity affinity)
{
	return name_of(affinity_names, COUNT_OF(affinity_names), (int64_t)affinity);
}

const char *snp_cfg_otlp_protocol_name(enum snp_cfg_otlp_protocol protocol)
{
	return name_of(otlp_protocol_names, COUNT_OF(otlp_protocol_names),
		       (int64_t)protocol);
}

const char *snp_cfg_otlp_exporter_name(enum snp_cfg_otlp_exporter exporter)
{
	return name_of(otlp_exporter_names, COUNT_OF(otlp_exporter_names),
		       (int64_t)exporter);
}

const char *snp_cfg_statsd_tags_name(enum snp_cfg_statsd_tags tags)
{
	return name_of(statsd_tags_names, COUNT_OF(statsd_tags_names), (int64_t)tags);
}

/* ---- keys.def, first: the members have the types the table says ---------- */

/* A type cannot stand in parentheses there. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define HAS_TYPE(s, m, T)                                                              \
	static_assert(_Generic(MEMBER(s, m), T : 1, default : 0),                      \
		      #s "." #m " is not " #T);
/* NOLINTEND(bugprone-macro-parentheses) */

#define SECTION(s)
#define SECTION_END(s)
#define STR(s, m, deflt, rule, flags, help)	HAS_TYPE(s, m, char *)
#define U32(s, m, deflt, min, max, flags, help) HAS_TYPE(s, m, uint32_t)
#define F64(s, m, deflt, min, max, flags, help) HAS_TYPE(s, m, double)
#define BOOL(s, m, deflt, flags, help)		HAS_TYPE(s, m, bool)
#define ENUM(s, m, names, deflt, flags, help)                                          \
	static_assert(sizeof(MEMBER(s, m)) == sizeof(int), #s "." #m " is not an "     \
							      "enum");
#define LIST(s, m, item, rule, flags, help)                                            \
	HAS_TYPE(s, m, char **) HAS_TYPE(s, m##_count, uint32_t)
#define MAP(s, m, section, help)	    HAS_TYPE(s, m, struct snp_cfg_##section)
#define MAP_PTR(s, m, section, flags, help) HAS_TYPE(s, m, struct snp_cfg_##section *)
#define MAPS(s, m, section, help)                                                      \
	HAS_TYPE(s, m, struct snp_cfg_##section *) HAS_TYPE(s, m##_count, uint32_t)

#include "keys.def"

#undef SECTION
#undef SECTION_END
#undef STR
#undef U32
#undef F64
#undef BOOL
#undef ENUM
#undef LIST
#undef MAP
#undef MAP_PTR
#undef MAPS

/* ---- keys.def, second: the schema of libcyaml ---------------------------- */
/* Every field is optional there: what is missing was filled in before, or is required
 * and is missed by check.c, which knows where. */

static const cyaml_schema_value_t string_item = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

#define PTR (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)

#define SEQUENCE(s, m, bytes, item)                                                    \
	{.key = #m,                                                                    \
	 .data_offset = offsetof(struct snp_cfg_##s, m),                               \
	 .count_offset = offsetof(struct snp_cfg_##s, m##_count),                      \
	 .count_size = sizeof(MEMBER(s, m##_count)),                                   \
	 .value = {.type = CYAML_SEQUENCE,                                             \
		   .flags = (enum cyaml_flag)(PTR),                                    \
		   .data_size = (bytes),                                               \
		   .sequence = {.entry = (item), .min = 0, .max = CYAML_UNLIMITED}}},

#define SECTION(s) static const cyaml_schema_field_t s##_fields[] = {
#define SECTION_END(s)                                                                 \
	CYAML_FIELD_END                                                                \
	}                                                                              \
	;                                                                              \
	static const cyaml_schema_value_t s##_value __attribute__((unused)) = {        \
	    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct snp_cfg_##s, s##_fields)};
#define STR(s, m, deflt, rule, flags, help)                                            \
	CYAML_FIELD_STRING_PTR(#m, PTR, struct snp_cfg_##s, m, 0, CYAML_UNLIMITED),
#define U32(s, m, deflt, min, max, flags, help)                                        \
	CYAML_FIELD_UINT(#m, CYAML_FLAG_OPTIONAL, struct snp_cfg_##s, m),
#define F64(s, m, deflt, min, max, flags, help)                                        \
	CYAML_FIELD_FLOAT(#m, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,                 \
			  struct snp_cfg_##s, m),
#define BOOL(s, m, deflt, flags, help) ENUM(s, m, bool_names, deflt, flags, help)
#define ENUM(s, m, names, deflt, flags, help)                                          \
	CYAML_FIELD_ENUM(#m, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,                  \
			 struct snp_cfg_##s, m, names, COUNT_OF(names)),
#define LIST(s, m, item, rule, flags, help)                                            \
	SEQUENCE(s, m, sizeof(*MEMBER(s, m)), &string_item)
#define MAP(s, m, section, help)                                                       \
	CYAML_FIELD_MAPPING(#m, CYAML_FLAG_OPTIONAL, struct snp_cfg_##s, m,            \
			    section##_fields),
#define MAP_PTR(s, m, section, flags, help)                                            \
	CYAML_FIELD_MAPPING_PTR(#m, PTR, struct snp_cfg_##s, m, section##_fields),
#define MAPS(s, m, section, help)                                                      \
	SEQUENCE(s, m, sizeof(*MEMBER(s, m)), &section##_value)

#include "keys.def"

#undef SECTION
#undef SECTION_END
#undef STR
#undef U32
#undef F64
#undef BOOL
#undef ENUM
#undef LIST
#undef MAP
#undef MAP_PTR
#undef MAPS

const cyaml_schema_value_t snp__config_cyaml = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct snp_config, root_fields)};

/* ---- keys.def, third: the table that is walked --------------------------- */

#define REQUIRED KEY_REQUIRED
#define NULLABLE KEY_NULLABLE
#define LIVE	 KEY_LIVE
#define ROLL	 KEY_ROLL
#define SECRET	 KEY_SECRET

#define COMMON(s, m, type_, flags_, deflt_, help_)                                     \
	.name = #m, .type = (type_), .flags = (flags_), .deflt = (deflt_),             \
	.help = (help_), .offset = offsetof(struct snp_cfg_##s, m)

#define SECTION(s) static const struct key s##_keys[] = {
#define SECTION_END(s)                                                                 \
	}                                                                              \
	;                                                                              \
	static const struct section s##_section                                        \
	    __attribute__((unused)) = {.keys = s##_keys, .count = COUNT_OF(s##_keys)};
#define STR(s, m, deflt, rule_, flags, help)                                           \
	{COMMON(s, m, KEY_STR, flags, deflt, help), .rule = RULE_##rule_},
#define U32(s, m, deflt, min_, max_, flags, help)                                      \
	{COMMON(s, m, KEY_U32, flags, deflt, help), .min = (min_), .max = (max_)},
#define F64(s, m, deflt, min_, max_, flags, help)                                      \
	{COMMON(s, m, KEY_F64, flags, deflt, help), .min = (min_), .max = (max_)},
#define BOOL(s, m, deflt, flags, help)                                                 \
	{COMMON(s, m, KEY_BOOL, flags, deflt, help), .names = bool_names,              \
	 .names_count = COUNT_OF(bool_names)},
#define ENUM(s, m, names_, deflt, flags, help)                                         \
	{COMMON(s, m, KEY_ENUM, flags, deflt, help), .names = (names_),                \
	 .names_count = COUNT_OF(names_)},
#define LIST(s, m, item, rule_, flags, help)                                           \
	{COMMON(s, m, KEY_LIST, flags, item, help), .rule = RULE_##rule_,              \
	 .count_offset = offsetof(struct snp_cfg_##s, m##_count)},
#define MAP(s, m, section_, help)                                                      \
	{COMMON(s, m, KEY_MAP, KEY_NULLABLE, NULL, help),                              \
	 .section = &section_##_section},
#define MAP_PTR(s, m, section_, flags, help)                                           \
	{COMMON(s, m, KEY_MAP_PTR, flags, NULL, help), .section = &section_##_section},
#define MAPS(s, m, section_, help)                                                     \
	{COMMON(s, m, KEY_MAPS, KEY_REQUIRED, NULL, help),                             \
	 .section = &section_##_section,                                               \
	 .count_offset = offsetof(struct snp_cfg_##s, m##_count),                      \
	 .item_bytes = sizeof(*MEMBER(s, m))},

#include "keys.def"

const struct section snp__config_root = {.keys = root_keys,
					 .count = COUNT_OF(root_keys)};

/* ---- Questions about keys ------------------------------------------------ */

const struct key *snp__section_find(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->count; i++) {
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	}
	return NULL;
}

bool snp__key_is_map(const struct key *key)
{
	return key->type == KEY_MAP || key->type == KEY_MAP_PTR;
}

const char *snp__key_enum_name(const struct key *key, int64_t value)
{
	return name_of(key->names, key->names_count, value);
}

static void describe_names(const struct key *key, char *ret_text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < key->names_count && len < size; i++) {
		const char *join = i == 0		       ? ""
				   : i + 1 == key->names_count ? " or "
							       : ", ";
		int n = snprintf(ret_text + len, size - len, "%s%s", join,
				 key->names[i].str);

		len += n > 0 ? (size_t)n : 0;
	}
}

void snp__key_describe(const struct key *key, enum key_part part, char *ret_text,
		       size_t size)
{
	switch (key->type) {
	case KEY_U32:
		(void)snprintf(ret_text, size, "a whole number from %.0f to %.0f",
			       key->min, key->max);
		return;
	case KEY_F64:
		(void)snprintf(ret_text, size, "a number from %g to %g", key->min,
			       key->max);
		return;
	case KEY_BOOL:
	case KEY_ENUM:
		describe_names(key, ret_text, size);
		return;
	case KEY_LIST:
		(void)snprintf(ret_text, size, "%s%s",
			       part == KEY_WHOLE ? "a list, each item " : "",
			       snp__rule_expected(key->rule));
		return;
	case KEY_MAP:
	case KEY_MAP_PTR:
		(void)snprintf(ret_text, size, "a mapping of keys to values");
		return;
	case KEY_MAPS:
		(void)snprintf(ret_text, size,
			       part == KEY_WHOLE ? "a list of mappings"
						 : "a mapping of keys to values");
		return;
	case KEY_STR:
		(void)snprintf(ret_text, size, "%s", snp__rule_expected(key->rule));
		return;
	}
}
