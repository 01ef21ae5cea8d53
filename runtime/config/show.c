/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a configuration as YAML, from the same table that it is read with. */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "show.h"

enum show_flags {
	SHOW_HELP = 1 << 0, /* a comment above each key */
};

struct writer {
	FILE *out;
	unsigned flags;
	bool after_dash; /* the line has begun with "- ", which is its indentation */
};

#define STEP 2 /* spaces of one level */

static void put_section(struct writer *w, const struct section *section,
			const void *base, int indent);

static void put_indent(struct writer *w, int indent)
{
	if (!w->after_dash)
		(void)fprintf(w->out, "%*s", indent, "");
	w->after_dash = false;
}

/* ---- Values -------------------------------------------------------------- */

static bool is_plain_safe(const char *text)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_./:@+${}-";
	size_t n = strspn(text, safe);

	if (n == 0 || text[n] != '\0' || text[n - 1] == ':' ||
	    strchr(":@+${}-", text[0]))
		return false;
	return strcasecmp(text, "null") != 0;
}

/* `text` so that reading it gives `text` again. */
static void put_string(FILE *out, const char *text, enum rule rule)
{
	bool quoted = !is_plain_safe(text);

	if (quoted)
		(void)fputc('"', out);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool is_dir = rule == RULE_LISTEN &&
			      strncmp(p, DIR_PLACEHOLDER, strlen(DIR_PLACEHOLDER)) == 0;

		if (strncmp(p, "${", 2) == 0 && !is_dir)
			(void)fputc('$', out);
		if (c < 0x20U || c == 0x7FU)
			(void)fprintf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else
			(void)fputc(c, out);
	}
	if (quoted)
		(void)fputc('"', out);
}

/* The shortest form that reads back as the same number, with a point in it. */
static void put_double(FILE *out, double value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		(void)snprintf(text, sizeof(text), "%.17g", value);
	(void)fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_scalar(FILE *out, const struct key *key, const void *member)
{
	const char *text;
	uint32_t u32;
	double f64;
	int value;

	switch (key->type) {
	case KEY_STR:
		memcpy(&text, member, sizeof(text));
		if (text)
			put_string(out, text, key->rule);
		else
			(void)fputs("null", out);
		return;
	case KEY_U32:
		memcpy(&u32, member, sizeof(u32));
		(void)fprintf(out, "%u", u32);
		return;
	case KEY_F64:
		memcpy(&f64, member, sizeof(f64));
		put_double(out, f64);
		return;
	case KEY_BOOL:
		(void)fputs(*(const bool *)member ? "true" : "false", out);
		return;
	case KEY_ENUM:
		memcpy(&value, member, sizeof(value));
		(void)fputs(snp__key_enum_name(key, value), out);
		return;
	case KEY_LIST:
	case KEY_MAP:
	case KEY_MAP_PTR:
	case KEY_MAPS:
		return;
	}
}

void snp__show_value(FILE *out, const struct key *key, const void *base)
{
	const char *bytes = base;
	char **strings;
	uint32_t n;

	if (key->type != KEY_LIST) {
		put_scalar(out, key, bytes + key->offset);
		return;
	}
	memcpy(&strings, bytes + key->offset, sizeof(strings));
	memcpy(&n, bytes + key->count_offset, sizeof(n));
	(void)fputc('[', out);
	for (uint32_t i = 0; i < n; i++) {
		(void)fputs(i ? ", " : "", out);
		put_string(out, strings[i], key->rule);
	}
	(void)fputc(']', out);
}

/* ---- Lists and sections -------------------------------------------------- */

static void put_strings(struct writer *w, const struct key *key, const char *base,
			int indent)
{
	char **strings;
	uint32_t n;

	memcpy(&strings, base + key->offset, sizeof(strings));
	memcpy(&n, base + key->count_offset, sizeof(n));
	if (n == 0)
		(void)fputs(" []", w->out);
	(void)fputc('\n', w->out);
	for (uint32_t i = 0; i < n; i++) {
		(void)fprintf(w->out, "%*s- ", indent + STEP, "");
		put_string(w->out, strings[i], key->rule);
		(void)fputc('\n', w->out);
	}
}

static void put_maps(struct writer *w, const struct key *key, const char *base,
		     int indent)
{
	const char *items;
	uint32_t n;

	memcpy(&items, base + key->offset, sizeof(items));
	memcpy(&n, base + key->count_offset, sizeof(n));
	(void)fputc('\n', w->out);
	for (uint32_t i = 0; i < n; i++) {
		(void)fprintf(w->out, "%*s- ", indent + STEP, "");
		w->after_dash = true;
		put_section(w, key->section, items + i * key->item_bytes,
			    indent + 2 * STEP);
	}
}

static void put_help(struct writer *w, const struct key *key, int indent)
{
	char expected[256];

	put_indent(w, indent);
	(void)fprintf(w->out, "# %s", key->help);
	if (key->type == KEY_U32 || key->type == KEY_F64) {
		(void)fprintf(w->out, " (%.0f to %.0f)", key->min, key->max);
	} else if (key->type == KEY_ENUM) {
		snp__key_describe(key, KEY_WHOLE, expected, sizeof(expected));
		(void)fprintf(w->out, " (%s)", expected);
	}
	(void)fputc('\n', w->out);
}

static void put_key(struct writer *w, const struct key *key, const char *base,
		    int indent)
{
	const void *member = base + key->offset;
	const void *target;

	put_indent(w, indent);
	(void)fprintf(w->out, "%s:", key->name);
	if (key->type == KEY_MAP_PTR) {
		memcpy(&target, member, sizeof(target));
		member = target;
	}
	if (key->type == KEY_LIST) {
		put_strings(w, key, base, indent);
	} else if (key->type == KEY_MAPS) {
		put_maps(w, key, base, indent);
	} else if (snp__key_is_map(key) && member) {
		(void)fputc('\n', w->out);
		put_section(w, key->section, member, indent + STEP);
	} else {
		(void)fputc(' ', w->out);
		if (member)
			put_scalar(w->out, key, member);
		else
			(void)fputs("null", w->out);
		(void)fputc('\n', w->out);
	}
}

/* In the file of defaults a pool overrides nothing, although its values are resolved.
 */
static bool is_override(const struct key *key, int indent)
{
	return indent > 0 && snp__key_is_map(key) &&
	       strcmp(key->name, "heartbeat") == 0;
}

static void put_section(struct writer *w, const struct section *section,
			const void *base, int indent)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct key *key = &section->keys[i];

		if (w->flags & SHOW_HELP) {
			if (indent == 0 && i > 0)
				(void)fputc('\n', w->out);
			put_help(w, key, indent);
			if (is_override(key, indent)) {
				(void)fprintf(w->out, "%*s%s: {}\n", indent, "",
					      key->name);
				continue;
			}
		}
		put_key(w, key, base, indent);
	}
}

/* ---- Whole files --------------------------------------------------------- */

static int flush(FILE *out)
{
	return fflush(out) != 0 || ferror(out) ? -(errno ? errno : EIO) : 0;
}

int snp_config_show(FILE *out, const struct snp_config *cfg)
{
	struct writer w = {.out = out};

	errno = 0;
	put_section(&w, &snp__config_root, cfg, 0);
	return flush(out);
}

int snp_config_default_print(FILE *out)
{
	const struct section *pool =
	    snp__section_find(&snp__config_root, "pools")->section;
	struct writer w = {.out = out, .flags = SHOW_HELP};
	struct snp_config *cfg = NULL;
	char least[128];
	int rc;

	(void)snprintf(least, sizeof(least), "pools: [{adapter: %s}]",
		       snp__section_find(pool, "adapter")->deflt);
	rc = snp_config_parse(least, strlen(least), "defaults", &cfg, NULL);
	if (rc < 0)
		return rc;
	errno = 0;
	(void)fputs(
	    "# Configuration of snakepitd: every key with its default.\n"
	    "# Everything but `pools` may be left out. ${VAR} and ${VAR:-default} "
	    "are expanded in values.\n\n",
	    out);
	put_section(&w, &snp__config_root, cfg, 0);
	snp_config_destroy(&cfg);
	return flush(out);
}
