/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "query_tree.h"

static const struct query_unit ns_units[] = {
    {"ns", 1},	  {"us", 1e3L},	  {"ms", 1e6L},	   {"s", 1e9L},
    {"m", 60e9L}, {"h", 3600e9L}, {"d", 86400e9L}, {0}};
static const struct query_unit byte_units[] = {{"B", 1},	 {"K", 0x1p10L},
					       {"KiB", 0x1p10L}, {"M", 0x1p20L},
					       {"MiB", 0x1p20L}, {"G", 0x1p30L},
					       {"GiB", 0x1p30L}, {"T", 0x1p40L},
					       {"TiB", 0x1p40L}, {0}};
static const struct query_unit count_units[] = {
    {"K", 1e3L}, {"M", 1e6L}, {"G", 1e9L}, {0}};
static const struct query_unit percent_units[] = {{"%", 1}, {0}};

const struct query_unit *const snp__query_units[] = {
    [SNP_QUERY_COUNT] = count_units,	 [SNP_QUERY_NS] = ns_units,
    [SNP_QUERY_BYTES] = byte_units,	 [SNP_QUERY_RATE] = count_units,
    [SNP_QUERY_PERCENT] = percent_units,
};
static const char *const op_texts[QUERY_NR] = {
    "=", "!=", "<", "<=", ">", ">=", "~", "!~"};

/* ---- answers ------------------------------------------------------------- */

static bool text_passes(const struct query_test *test, const char *text)
{
	switch (test->op) {
	case QUERY_EQ:
		return strcmp(text, test->text) == 0;
	case QUERY_NE:
		return strcmp(text, test->text) != 0;
	default:
		return (regexec(&test->regex, text, 0, NULL, 0) == 0) ==
		       (test->op == QUERY_LIKE);
	}
}

static bool number_passes(const struct query_test *test, double number)
{
	switch (test->op) {
	case QUERY_EQ:
		return number >= test->number && number <= test->number;
	case QUERY_NE:
		return number < test->number || number > test->number;
	case QUERY_LT:
		return number < test->number;
	case QUERY_LE:
		return number <= test->number;
	case QUERY_GT:
		return number > test->number;
	default:
		return number >= test->number;
	}
}

static bool test_passes(const struct snp_query *query, const struct query_test *test,
			const void *row)
{
	struct snp_query_value value = query->terms->get(row, test->field.id);

	if (test->unknown)
		return value.known == (test->op == QUERY_NE);
	if (!value.known)
		return false;
	if (test->field.kind == SNP_QUERY_TEXT)
		return text_passes(test, value.text);
	return number_passes(test, value.number);
}

static bool node_matches(const struct snp_query *query, const struct query_node *node,
			 const void *row)
{
	const struct query_node *a = &query->nodes[node->a],
				*b = &query->nodes[node->b];

	switch (node->kind) {
	case QUERY_NODE_TEST:
		return test_passes(query, &query->tests[node->a], row);
	case QUERY_NODE_NOT:
		return !node_matches(query, a, row);
	case QUERY_NODE_AND:
		return node_matches(query, a, row) && node_matches(query, b, row);
	default:
		return node_matches(query, a, row) || node_matches(query, b, row);
	}
}

bool snp_query_matches(const struct snp_query *query, const void *row)
{
	return node_matches(query, &query->nodes[query->nodes_nr - 1], row);
}

/* ---- explanations -------------------------------------------------------- */

/* The largest unit in which it is 1 or more. */
static void put_scaled(struct snp_buf *out, double number,
		       const struct query_unit *units)
{
	const struct query_unit *best = units;
	char text[48];

	for (const struct query_unit *unit = units; unit->text; unit++)
		if (strlen(unit->text) <= 2 && number >= (double)unit->factor)
			best = unit;
	(void)snprintf(text, sizeof(text), "%.4g%s", number / (double)best->factor,
		       best->text);
	snp_buf_puts(out, text);
}

static void put_value(struct snp_buf *out, const struct query_test *test,
		      struct snp_query_value value)
{
	char text[48];

	switch (test->field.kind) {
	case SNP_QUERY_TEXT:
		snp_buf_puts(out, value.text);
		return;
	case SNP_QUERY_NS:
	case SNP_QUERY_BYTES:
		put_scaled(out, value.number, snp__query_units[test->field.kind]);
		return;
	default:
		(void)snprintf(text, sizeof(text), "%.10g%s", value.number,
			       test->field.kind == SNP_QUERY_PERCENT ? "%" : "");
		snp_buf_puts(out, text);
	}
}

/* Why the test is not as `wanted`. */
static void put_reason(struct snp_buf *out, const struct snp_query *query,
		       const struct query_test *test, const void *row, bool wanted)
{
	struct snp_query_value value = query->terms->get(row, test->field.id);

	snp_buf_puts(out, test->field.name);
	snp_buf_puts(out, " is ");
	if (!value.known) {
		snp_buf_puts(out, "not known");
		return;
	}
	put_value(out, test, value);
	if (!wanted)
		return;
	snp_buf_puts(out, ", not ");
	snp_buf_puts(out, op_texts[test->op]);
	snp_buf_putc(out, ' ');
	snp_buf_puts(out, test->text);
}

void snp_query_why_not(const struct snp_query *query, const void *row,
		       struct snp_buf *out)
{
	const struct query_node *node = &query->nodes[query->nodes_nr - 1];
	bool wanted = true;

	if (node_matches(query, node, row))
		return;
	/* Down to the test that decides, along nodes that are not as wanted. */
	while (node->kind != QUERY_NODE_TEST) {
		const struct query_node *a = &query->nodes[node->a];

		if (node->kind == QUERY_NODE_NOT)
			wanted = !wanted;
		/* Of an "or" in vain, the last. */
		else if (node_matches(query, a, row) == wanted ||
			 (node->kind == QUERY_NODE_OR && wanted))
			a = &query->nodes[node->b];
		node = a;
	}
	put_reason(out, query, &query->tests[node->a], row, wanted);
}

void snp_query_point(const char *text, const struct snp_query_place *place,
		     struct snp_buf *out)
{
	snp_buf_puts(out, "  ");
	for (const char *c = text; *c; c++)
		snp_buf_putc(out, (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c);
	snp_buf_puts(out, "\n  ");
	/* One column a character, not a byte. */
	for (size_t i = 0; i < place->at + place->len; i++) {
		bool inside = i >= place->at;

		if (i < strlen(text) && ((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		snp_buf_putc(out, !inside ? ' ' : i == place->at ? '^' : '~');
	}
	snp_buf_putc(out, '\n');
}
