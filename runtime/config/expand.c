/* SPDX-License-Identifier: Apache-2.0 */
#include "expand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h"
#include "utf8.h"

#define VAR_NAME_BYTES 128

static const char name_chars[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* One ${...} that was recognised. */
struct reference {
	char name[VAR_NAME_BYTES];
	const char *deflt; /* in the text; NULL: none */
	size_t deflt_len;
	const char *end; /* behind the closing brace */
};

/* `p` stands at "${". */
static int reference_parse(const char *p, struct mark mark, const struct diag *diag,
			   struct reference *ret_ref)
{
	const char *name = p + 2;
	const char *close = strchr(name, '}');
	size_t name_len = strspn(name, name_chars);
	char quoted[QUOTE_BYTES];

	if (!close)
		return diag_at(diag, mark,
			       "%s has no closing brace; expected ${NAME} or "
			       "${NAME:-default}, or $${ for the characters themselves",
			       snp__diag_quote(p, quoted));
	if (name_len == 0 || name_len >= VAR_NAME_BYTES ||
	    (*name >= '0' && *name <= '9') ||
	    (name + name_len != close && strncmp(name + name_len, ":-", 2) != 0))
		return diag_at(diag, mark,
			       "%s is no variable; expected ${NAME} or "
			       "${NAME:-default}, or $${ for the characters themselves",
			       snp__diag_quote(p, quoted));
	*ret_ref = (struct reference){.end = close + 1};
	memcpy(ret_ref->name, name, name_len);
	if (name + name_len != close) {
		ret_ref->deflt = name + name_len + 2;
		ret_ref->deflt_len = (size_t)(close - ret_ref->deflt);
		if (memmem(ret_ref->deflt, ret_ref->deflt_len, "${", 2))
			return diag_at(diag, mark,
				       "the default of ${%s} contains ${; "
				       "expected plain text",
				       ret_ref->name);
	}
	return 0;
}

/* What to put in the place of `ref`, which ends before `start` plus its own length. */
static int reference_value(const struct reference *ref, const char *start,
			   unsigned flags, struct mark mark, const struct diag *diag,
			   FILE *out)
{
	const char *value = getenv(ref->name);
	size_t len = value ? strlen(value) : 0;

	if (ref->deflt && len == 0) {
		value = ref->deflt;
		len = ref->deflt_len;
	} else if (len == 0 && (flags & EXPAND_KEEP_DIR) &&
		   strncmp(start, DIR_PLACEHOLDER, strlen(DIR_PLACEHOLDER)) == 0) {
		value = start;
		len = strlen(DIR_PLACEHOLDER);
	} else if (!value) {
		return diag_at(diag, mark,
			       "the environment variable %s is not set; "
			       "set it or write ${%s:-default}",
			       ref->name, ref->name);
	} else if (snp__utf8_valid_len(value, len) != len) {
		return diag_at(diag, mark,
			       "the environment variable %s is not valid UTF-8",
			       ref->name);
	}
	(void)fwrite(value, 1, len, out); /* checked once, at the end */
	return 0;
}

static int expand_into(FILE *out, const char *p, unsigned flags, struct mark mark,
		       const struct diag *diag)
{
	while (*p) {
		struct reference ref;
		int rc;

		if (strncmp(p, "$${", 3) == 0) {
			(void)fputs("${", out);
			p += 3;
			continue;
		}
		if (strncmp(p, "${", 2) != 0) {
			(void)fputc(*p++, out);
			continue;
		}
		rc = reference_parse(p, mark, diag, &ref);
		if (rc == 0)
			rc = reference_value(&ref, p, flags, mark, diag, out);
		if (rc < 0)
			return rc;
		p = ref.end;
	}
	return 0;
}

int snp__expand(char **text, unsigned flags, struct mark mark, const struct diag *diag)
{
	char *expanded = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (!strstr(*text, "${"))
		return 0;
	out = open_memstream(&expanded, &len);
	if (!out)
		return snp_err_set(diag->err, -ENOMEM, "%s: out of memory", diag->name);
	rc = expand_into(out, *text, flags, mark, diag);
	/* A stream in memory fails for one reason only. */
	if ((ferror(out) | fclose(out) || !expanded) && rc == 0)
		rc = snp_err_set(diag->err, -ENOMEM, "%s: out of memory", diag->name);
	if (rc < 0) {
		free(expanded);
		return rc;
	}
	free(*text);
	*text = expanded;
	return 1;
}
