/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdint.h>
#include <string.h>

#include "line.h"

#define DEPTH_MAX 32

/* Each scan_ function takes what it recognises from the front and returns true, or
 * returns false, after which the whole text is refused. */
struct scan {
	const char *p;
	const char *end;
	unsigned depth;
};

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (take(s, ' ') || take(s, '\t'))
		;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

static bool scan_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > start;
}

static bool scan_number(struct scan *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			(void)take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

static bool scan_escape(struct scan *s)
{
	if (take(s, 'u')) {
		for (int i = 0; i < 4; i++, s->p++) {
			if (s->p == s->end || !is_hex(*s->p))
				return false;
		}
		return true;
	}
	if (s->p == s->end || *s->p == '\0' || !strchr("\"\\/bfnrt", *s->p))
		return false;
	s->p++;
	return true;
}

static bool scan_string(struct scan *s)
{
	if (!take(s, '"'))
		return false;
	while (s->p < s->end) {
		uint32_t cp;
		size_t n;

		if (take(s, '"'))
			return true;
		if (take(s, '\\')) {
			if (!scan_escape(s))
				return false;
			continue;
		}
		n = line_utf8_next(s->p, (size_t)(s->end - s->p), &cp);
		/* U+FFFD itself takes three bytes; one byte means broken UTF-8. */
		if (line_is_unsafe(cp) || (n == 1 && cp > 0x7FU))
			return false;
		s->p += n;
	}
	return false;
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s)
{
	skip_space(s);
	if (!scan_string(s))
		return false;
	skip_space(s);
	return take(s, ':') && scan_value(s);
}

/* The rest of an object or array whose opening bracket is taken. */
static bool scan_items(struct scan *s, char close, bool (*scan_item)(struct scan *))
{
	bool ok = false;

	if (++s->depth > DEPTH_MAX)
		return false;
	skip_space(s);
	if (take(s, close)) {
		s->depth--;
		return true;
	}
	do {
		ok = scan_item(s);
	} while (ok && take(s, ','));
	s->depth--;
	return ok && take(s, close);
}

static bool scan_value(struct scan *s)
{
	bool ok;

	skip_space(s);
	if (take(s, '{'))
		ok = scan_items(s, '}', scan_member);
	else if (take(s, '['))
		ok = scan_items(s, ']', scan_value);
	else if (s->p < s->end && *s->p == '"')
		ok = scan_string(s);
	else
		ok = scan_word(s, "true") || scan_word(s, "false") ||
		     scan_word(s, "null") || scan_number(s);
	skip_space(s);
	return ok;
}

bool json_is_object(const char *text, size_t len)
{
	struct scan s = {.p = text, .end = text + len};

	return len > 0 && text[0] == '{' && scan_value(&s) && s.p == s.end;
}
