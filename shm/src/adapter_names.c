/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_names.h"

#include <stdio.h>
#include <string.h>

#include "snakepit/check.h"
#include "utf8.h"

/* First words of names that runtime, exporters and collectors have for themselves. */
static const char *const reserved[] = {"snakepit", "process", "scrape",
				       "otel",	   "target",  "up"};

/* Endings that say what a sample is; a counter's name may have one of its own. */
static const char total[] = "_total";
static const char *const endings[] = {total,	 "_created", "_info",
				      "_bucket", "_sum",     "_count"};

#define NR(table) (sizeof(table) / sizeof((table)[0]))

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_dot(char c)
{
	return c == '.' || c == '_';
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len > tail && strcmp(text + len - tail, end) == 0;
}

/* ---- names --------------------------------------------------------------- */

static bool name_is_formed(const char *name)
{
	const char *c = name;

	if (!is_letter(*c))
		return false;
	for (; *c; c++)
		if (!is_letter(*c) && !is_digit(*c) && !(is_dot(*c) && !is_dot(c[-1])))
			return false;
	return !is_dot(c[-1]) && c - name < SNP_ADAPTER_NAME_BYTES;
}

static bool name_is_reserved(const char *name)
{
	for (size_t i = 0; i < NR(reserved); i++) {
		size_t len = strlen(reserved[i]);

		if (strncmp(name, reserved[i], len) == 0 &&
		    (name[len] == '\0' || is_dot(name[len])))
			return true;
	}
	return false;
}

static void underscored(const char *name, char *ret)
{
	for (; *name; name++)
		*ret++ = *name == '.' ? '_' : *name;
	*ret = '\0';
}

/* The name in one spelling, without the ending that a counter may have. */
static void bare_name(const struct snp_adapter_metric *m,
		      char ret_name[SNP_ADAPTER_NAME_BYTES])
{
	underscored(m->name, ret_name);
	if (m->kind == SNP_KIND_COUNTER && ends_with(ret_name, total))
		ret_name[strlen(ret_name) - strlen(total)] = '\0';
}

static bool name_ends_badly(const struct snp_adapter_metric *m)
{
	char name[SNP_ADAPTER_NAME_BYTES];

	bare_name(m, name);
	for (size_t i = 0; i < NR(endings); i++)
		if (ends_with(name, endings[i]))
			return true;
	return false;
}

/* ---- units --------------------------------------------------------------- */

static bool unit_is_annotation(const char *unit)
{
	size_t len = strlen(unit);

	if (len < 3 || unit[0] != '{' || unit[len - 1] != '}')
		return false;
	for (size_t i = 1; i < len - 1; i++)
		if (!is_letter(unit[i]) && !is_digit(unit[i]) && unit[i] != '_')
			return false;
	return true;
}

/* What a unit adds to a name; NULL for one that is not known. */
static const char *unit_suffix(unsigned kind, const char *unit)
{
	static const struct {
		const char *unit, *suffix;
	} units[] = {{"", ""}, {"s", "_seconds"}, {"By", "_bytes"}, {"%", "_percent"}};

	for (size_t i = 0; i < NR(units); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].suffix;
	if (strcmp(unit, "1") == 0)
		return kind == SNP_KIND_GAUGE ? "_ratio" : "";
	return unit_is_annotation(unit) ? "" : NULL;
}

bool snp_adapter_unit_is_time(const char *unit)
{
	return strcmp(unit, "s") == 0;
}

/* ---- together ------------------------------------------------------------ */

const char *snp__adapter_refusal(const struct snp_adapter_metric *m)
{
	if (m->kind != SNP_KIND_COUNTER && m->kind != SNP_KIND_GAUGE &&
	    m->kind != SNP_KIND_HISTOGRAM)
		return "it is neither counter nor gauge nor histogram";
	if (!name_is_formed(m->name))
		return "the name is not of at most 63 letters and digits, in words "
		       "joined by single dots or underscores";
	if (name_is_reserved(m->name))
		return "names that begin like this are the runtime's and exporters' "
		       "own";
	if (name_ends_badly(m))
		return "the name ends in what exporters add themselves";
	if (strlen(m->unit) >= SNP_ADAPTER_UNIT_BYTES || !unit_suffix(m->kind, m->unit))
		return "the unit is not s, By, %, 1, {thing} or empty";
	if (strlen(m->help) >= SNP_ADAPTER_HELP_BYTES ||
	    !snp__utf8_ok(m->help, strlen(m->help)))
		return "the description is too long, or not UTF-8";
	return NULL;
}

void snp__adapter_prom_name(const struct snp_adapter_metric *m,
			    char ret_name[SNP__ADAPTER_PROM_BYTES])
{
	const char *suffix = unit_suffix(m->kind, m->unit);
	char name[SNP_ADAPTER_NAME_BYTES];

	SNP_CHECK(suffix);
	bare_name(m, name);
	(void)snprintf(ret_name, SNP__ADAPTER_PROM_BYTES, "%s%s%s", name,
		       ends_with(name, suffix) ? "" : suffix,
		       m->kind == SNP_KIND_COUNTER ? total : "");
}

size_t snp__prom_family_len(unsigned kind, const char *prom)
{
	size_t len = strlen(prom);

	return kind == SNP_KIND_COUNTER && ends_with(prom, total) ? len - strlen(total)
								  : len;
}
