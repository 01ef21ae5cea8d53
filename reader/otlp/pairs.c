/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/number.h"

/* In place; false for a '%' without two digits. */
static bool percent_decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		if (snp_hex_digit(text[1]) < 0 || snp_hex_digit(text[2]) < 0)
			return false;
		*to++ = (char)(snp_hex_digit(text[1]) * 16 + snp_hex_digit(text[2]));
		text += 2;
	}
	*to = '\0';
	return true;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = '\0';
	return text;
}

/* One member, which is overwritten. */
static int read_member(char *member, otlp_pair_fn take, void *user,
		       const char **ret_wrong)
{
	char *equals = strchr(member, '=');
	char *name, *value;

	if (!equals) {
		*ret_wrong = "has a member without '='";
		return 0;
	}
	*equals = '\0';
	name = trim(member);
	value = trim(equals + 1);
	/* A zero byte would cut the value short. */
	if (strstr(value, "%00") || !percent_decode(value)) {
		*ret_wrong = "has a '%' without two hexadecimal digits of a character";
		return 0;
	}
	return take(user, name, value, ret_wrong);
}

int otlp_pairs_read(const char *text, otlp_pair_fn take, void *user,
		    const char **ret_wrong)
{
	char *copy = strdup(text), *rest = copy, *member;
	const char *wrong;
	int rc = 0;

	if (!copy)
		return -ENOMEM;
	*ret_wrong = NULL;
	while (rc == 0 && (member = strsep(&rest, ","))) {
		wrong = NULL;
		if (*trim(member) != '\0')
			rc = read_member(member, take, user, &wrong);
		if (wrong)
			*ret_wrong = wrong;
	}
	free(copy);
	return rc;
}
