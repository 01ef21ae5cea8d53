/* SPDX-License-Identifier: Apache-2.0 */
#include "advice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(const char *word)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_./:=@%+,-";

	return word[0] != '\0' && word[0] != '-' && strspn(word, plain) == strlen(word);
}

/* With room for a quote and the NUL after what is put. */
static bool put(char out[TOP_ADVICE_BYTES], size_t *len, const char *text)
{
	size_t n = strlen(text);

	if (n > TOP_ADVICE_BYTES - 2 - *len)
		return false;
	memcpy(out + *len, text, n);
	*len += n;
	return true;
}

void top_advice_word(char out[TOP_ADVICE_BYTES], const char *word)
{
	size_t len = 0;
	bool quote = !is_plain(word);

	if (quote)
		(void)put(out, &len, "'");
	for (; *word; word++) {
		const char one[2] = {*word, '\0'};

		if ((unsigned char)*word < 0x20 || *word == 0x7f)
			continue;
		if (!put(out, &len, *word == '\'' ? "'\\''" : one))
			break;
	}
	if (quote)
		out[len++] = '\'';
	out[len] = '\0';
}

void top_advice_snakepit(char out[TOP_ADVICE_BYTES], const struct top_frame *frame,
			 const char *verb, const char *rest)
{
	char instance[TOP_ADVICE_BYTES];

	top_advice_word(instance, frame->instance);
	if (snprintf(out, TOP_ADVICE_BYTES, "$ snakepit %s -n %s%s%s", verb, instance,
		     rest[0] ? " " : "", rest) >= TOP_ADVICE_BYTES)
		out[0] = '\0';
}

void top_advice_worker(char out[TOP_ADVICE_BYTES], const char *pool, uint32_t slot)
{
	char name[SNP_POOL_NAME_BYTES + 16];

	(void)snprintf(name, sizeof(name), "%s/%" PRIu32, pool, slot);
	top_advice_word(out, name);
}

void top_advice_events(char out[TOP_ADVICE_BYTES], const struct top_frame *frame,
		       const char *pool, uint32_t slot)
{
	char name[SNP_POOL_NAME_BYTES + 16], word[TOP_ADVICE_BYTES];
	char rest[TOP_ADVICE_BYTES];

	/* Events name processes: pool/slot#incarnation. */
	(void)snprintf(name, sizeof(name), "%s/%" PRIu32 "#", pool, slot);
	top_advice_word(word, name);
	if (snprintf(rest, sizeof(rest), "| grep -F %s", word) >= (int)sizeof(rest))
		rest[0] = '\0';
	top_advice_snakepit(out, frame, "events", rest);
}
