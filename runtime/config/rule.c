/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include <arpa/inet.h>
#include <string.h>

#define DIGITS	"0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define NAME_BYTES_MAX 63
#define HOST_BYTES_MAX 253

static bool is_control(char c)
{
	return (unsigned char)c < 0x20U || c == 0x7F;
}

static bool is_name(const char *text)
{
	size_t n = strspn(text, LETTERS DIGITS "_.-");

	return n >= 1 && n <= NAME_BYTES_MAX && text[n] == '\0';
}

/* Length of the Python identifier at `text`, 0 if there is none. Bytes of other scripts
 * are let through: Python allows them and has the last word. */
static size_t identifier_len(const char *text)
{
	size_t n = 0;

	if (strchr(DIGITS, text[0]))
		return 0; /* also the empty string: strchr finds the NUL */
	while (text[n] &&
	       ((unsigned char)text[n] >= 0x80U || strchr(LETTERS DIGITS "_", text[n])))
		n++;
	return n;
}

static bool is_adapter(const char *text)
{
	unsigned parts = 0;

	for (;;) {
		size_t n = identifier_len(text);

		if (n == 0)
			return false;
		parts++;
		text += n;
		if (*text == '\0')
			return parts >= 2;
		if (*text++ != '.')
			return false;
	}
}

static bool is_path(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (is_control(*text))
			return false;
	}
	return true;
}

static bool is_env(const char *text)
{
	size_t n = strspn(text, LETTERS DIGITS "_");

	return n > 0 && !strchr(DIGITS, text[0]) && text[n] == '=';
}

static bool is_tool(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n > 0 && n <= 128;
}

static bool is_port(const char *text)
{
	size_t n = strspn(text, DIGITS);
	unsigned port = 0;

	if (n == 0 || n > 5 || text[n] != '\0' || text[0] == '0')
		return false;
	while (*text)
		port = port * 10 + (unsigned)(*text++ - '0');
	return port <= 65535;
}

static bool is_ipv6(const char *text, size_t n)
{
	struct in6_addr addr;
	char copy[INET6_ADDRSTRLEN];

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return inet_pton(AF_INET6, copy, &addr) == 1;
}

static bool is_host_port(const char *text)
{
	size_t n;

	if (text[0] == '[') {
		const char *close = strchr(text, ']');

		return close && is_ipv6(text + 1, (size_t)(close - text - 1)) &&
		       close[1] == ':' && is_port(close + 2);
	}
	n = strspn(text, LETTERS DIGITS "_.-");
	return n >= 1 && n <= HOST_BYTES_MAX && text[n] == ':' && is_port(text + n + 1);
}

static bool is_unix_address(const char *text)
{
	static const char scheme[] = "unix:";
	size_t n = strlen(scheme);

	if (strncmp(text, scheme, n) != 0)
		return false;
	text += n;
	return text[0] == '/' && text[1] && is_path(text) &&
	       strlen(text) <= UNIX_PATH_MAX_BYTES;
}

/* With a placeholder the length is checked once the directory is known. */
static bool is_listen(const char *text)
{
	static const char placeholder[] = "unix:" DIR_PLACEHOLDER "/";
	size_t n = strlen(placeholder);

	if (strncmp(text, placeholder, n) == 0)
		return is_path(text + n) && !strstr(text + n, "${");
	return is_unix_address(text) || is_host_port(text);
}

static bool is_url(const char *text)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);

		if (strncmp(text, schemes[i], n) == 0)
			return text[n] && text[n] != '/' && text[n] != ':' &&
			       is_path(text) && !strchr(text, ' ');
	}
	return false;
}

static bool is_datagram(const char *text)
{
	return is_host_port(text) || is_unix_address(text);
}

static const struct {
	bool (*accepts)(const char *text);
	const char *expected;
} rules[] = {
#define X(id, accepts, expected) [RULE_##id] = {(accepts), (expected)},
    RULES(X)
#undef X
};

bool snp__rule_accepts(enum rule rule, const char *text)
{
	return rules[rule].accepts(text);
}

const char *snp__rule_expected(enum rule rule)
{
	return rules[rule].expected;
}
