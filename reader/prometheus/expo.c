/* SPDX-License-Identifier: Apache-2.0 */
#include "expo.h"

#include <string.h>

#include "model/utf8.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool expo_metric_name_ok(const char *name)
{
	if (!is_letter(*name) && *name != ':')
		return false;
	while (is_letter(*name) || is_digit(*name) || *name == ':')
		name++;
	return *name == '\0';
}

bool expo_label_name_ok(const char *name)
{
	const char *c = name;

	if (!is_letter(*c) || strncmp(name, "__", 2) == 0)
		return false;
	while (is_letter(*c) || is_digit(*c))
		c++;
	return *c == '\0' && strcmp(name, "le") != 0 && strcmp(name, "quantile") != 0;
}

static bool is_plain(char c)
{
	return (unsigned char)c < 0x80 && c != '\\' && c != '"' && c != '\n';
}

/* `quote` is the text for a double quote, which help texts of 0.0.4 leave as it is. */
static void put_escaped(struct snp_buf *buf, const char *text, const char *quote)
{
	const char *end = text + strlen(text);
	const char *run;
	size_t len;

	while (text < end) {
		for (run = text; run < end && is_plain(*run);)
			run++;
		snp_buf_put(buf, text, (size_t)(run - text));
		text = run;
		if (text == end)
			break;
		len = snp_utf8_char_len(text, (size_t)(end - text));
		if (len == 0) {
			snp_buf_puts(buf, SNP_UTF8_REPLACEMENT);
			len = 1;
		} else if (len > 1) {
			snp_buf_put(buf, text, len);
		} else if (*text == '"') {
			snp_buf_puts(buf, quote);
		} else {
			snp_buf_puts(buf, *text == '\n' ? "\\n" : "\\\\");
		}
		text += len;
	}
}

/* ---- families ------------------------------------------------------------ */

static bool has_suffix(const char *name, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len > suffix_len &&
	       memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

size_t expo_base_len(const struct expo_family *family)
{
	size_t len = strlen(family->name);

	if (family->type == EXPO_COUNTER && has_suffix(family->name, len, "_total"))
		len -= strlen("_total");
	else if (family->type == EXPO_INFO && has_suffix(family->name, len, "_info"))
		len -= strlen("_info");
	return len;
}

const char *expo_unit(const struct expo_family *family)
{
	static const struct {
		const char *ucum, *suffix;
	} units[] = {{"s", "_seconds"}, {"By", "_bytes"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(family->unit, units[i].ucum) == 0 &&
		    family->type != EXPO_INFO &&
		    has_suffix(family->name, expo_base_len(family), units[i].suffix))
			return units[i].suffix + 1;
	return "";
}

/* Whether a sample of that name may belong to the family, in any format. */
static bool occupies(const struct expo_family *family, const char *name)
{
	static const char *const suffixes[] = {"",	  "_total", "_created", "_info",
					       "_bucket", "_sum",   "_count"};
	static const unsigned char taken[] = {
	    /* by type, bits of suffixes[] */
	    [EXPO_COUNTER] = 0x07,
	    [EXPO_GAUGE] = 0x01,
	    [EXPO_HISTOGRAM] = 0x75,
	    [EXPO_INFO] = 0x09,
	};
	size_t len = expo_base_len(family);

	if (strcmp(name, family->name) == 0)
		return true;
	if (strncmp(name, family->name, len) != 0)
		return false;
	for (unsigned i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if ((taken[family->type] >> i & 1) &&
		    strcmp(name + len, suffixes[i]) == 0)
			return true;
	return false;
}

bool expo_clash(const struct expo_family *a, const struct expo_family *b)
{
	size_t len = expo_base_len(a);

	return occupies(a, b->name) || occupies(b, a->name) ||
	       (len == expo_base_len(b) && strncmp(a->name, b->name, len) == 0);
}

static void head_line(struct snp_buf *buf, const char *keyword,
		      const struct expo_family *family, size_t name_len)
{
	snp_buf_puts(buf, keyword);
	snp_buf_put(buf, family->name, name_len);
	snp_buf_putc(buf, ' ');
}

void expo_head_text(struct snp_buf *buf, const struct expo_family *family)
{
	static const char *const types[] = {
	    [EXPO_COUNTER] = "counter\n",
	    [EXPO_GAUGE] = "gauge\n",
	    [EXPO_HISTOGRAM] = "histogram\n",
	    [EXPO_INFO] = "gauge\n",
	};
	size_t len = strlen(family->name);

	head_line(buf, "# HELP ", family, len);
	put_escaped(buf, family->help, "\"");
	head_line(buf, "\n# TYPE ", family, len);
	snp_buf_puts(buf, types[family->type]);
}

/* A counter or info whose name lacks the suffix its type asks for keeps its name, and
 * loses its type. */
static const char *openmetrics_type(const struct expo_family *family, size_t base_len)
{
	bool suffixed = family->name[base_len] != '\0';

	switch (family->type) {
	case EXPO_COUNTER:
		return suffixed ? "counter\n" : "unknown\n";
	case EXPO_INFO:
		return suffixed ? "info\n" : "gauge\n";
	case EXPO_HISTOGRAM:
		return "histogram\n";
	default:
		return "gauge\n";
	}
}

void expo_head_openmetrics(struct snp_buf *buf, const struct expo_family *family)
{
	size_t len = expo_base_len(family);
	const char *unit = expo_unit(family);

	head_line(buf, "# TYPE ", family, len);
	snp_buf_puts(buf, openmetrics_type(family, len));
	if (*unit) {
		head_line(buf, "# UNIT ", family, len);
		snp_buf_puts(buf, unit);
		snp_buf_putc(buf, '\n');
	}
	head_line(buf, "# HELP ", family, len);
	put_escaped(buf, family->help, "\\\"");
	snp_buf_putc(buf, '\n');
}

void expo_label(struct snp_buf *buf, const char *name, const char *value)
{
	snp_buf_puts(buf, name);
	snp_buf_put(buf, "=\"", 2);
	put_escaped(buf, value, "\\\"");
	snp_buf_putc(buf, '"');
}
