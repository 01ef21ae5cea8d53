/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcyaml reads text, so the completed tree is written out for it once more, in a form
 * in which each line holds exactly one node:
 *
 *	{
 *	"instance": "demo",
 *	"pools": [
 *	{
 *	"name": "default",
 *
 * The line in its error messages is then an index into the table of nodes, and the node
 * knows where it stands in the user's file.
 */
#include "typed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "wrong.h"

struct rendering {
	FILE *out;
	const struct node **lines;
	size_t count, cap;
};

/* ---- Writing ------------------------------------------------------------- */

static int end_line(struct rendering *r, const struct node *node)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		const struct node **grown =
		    reallocarray(r->lines, cap, sizeof(struct node *));

		if (!grown)
			return -ENOMEM;
		r->lines = grown;
		r->cap = cap;
	}
	r->lines[r->count++] = node;
	(void)fputc('\n', r->out);
	return 0;
}

/* All that is not plain ASCII is escaped: what the source may contain and what a scalar
 * of it may mean are different sets, and the second is larger. */
static void put_quoted(FILE *out, const char *text)
{
	size_t left = strlen(text);

	(void)fputc('"', out);
	while (left > 0) {
		uint32_t cp = 0;
		size_t n = snp__utf8_decode(text, left, &cp);

		if (n == 0)
			break; /* cannot be: all text was checked when it was read */
		if (cp == '"' || cp == '\\')
			(void)fprintf(out, "\\%c", (char)cp);
		else if (cp >= 0x20 && cp < 0x7F)
			(void)fputc((int)cp, out);
		else
			(void)fprintf(out, "\\U%08x", (unsigned)cp);
		text += n;
		left -= n;
	}
	(void)fputc('"', out);
}

static int render(struct rendering *r, const struct node *node)
{
	bool is_map = node->kind == NODE_MAP;
	int rc;

	if (node->key) {
		put_quoted(r->out, node->key);
		(void)fputs(": ", r->out);
	}
	if (node->kind == NODE_SCALAR) {
		put_quoted(r->out, node->text);
	} else {
		(void)fputc(is_map ? '{' : '[', r->out);
		rc = end_line(r, node);
		for (const struct node *n = node->first; n && rc == 0; n = n->next)
			rc = render(r, n);
		if (rc < 0)
			return rc;
		(void)fputc(is_map ? '}' : ']', r->out);
	}
	if (node->parent)
		(void)fputc(',', r->out);
	return end_line(r, node);
}

/* ---- libcyaml and its messages ------------------------------------------- */

struct complaint {
	bool seen;
	bool unknown_key; /* the line is then of little use: see first_unknown() */
	size_t line;	  /* 0: none given */
};

/* The first message says what is wrong, the first with a position says where; the ones
 * after it go outward from there. */
static void on_cyaml_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct complaint *complaint = ctx;
	char text[512];
	const char *position;

	if (level != CYAML_LOG_ERROR)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	if (!complaint->seen)
		complaint->unknown_key = strstr(text, "Unexpected key") != NULL;
	complaint->seen = true;
	position = strstr(text, "(line: ");
	if (position && complaint->line == 0)
		(void)sscanf(position, "(line: %zu", &complaint->line);
}

static cyaml_config_t cyaml_config(struct complaint *complaint)
{
	return (cyaml_config_t){
	    .log_fn = on_cyaml_log,
	    .log_ctx = complaint,
	    .mem_fn = cyaml_mem,
	    .log_level = CYAML_LOG_ERROR,
	    .flags = CYAML_CFG_NO_ALIAS,
	};
}

/* libcyaml tells an unknown key by the mapping that holds it, or by a neighbour. But it
 * reads in the order of the text and stops at the first fault. */
static const struct node *first_unknown(const struct node *node)
{
	const struct node *found = NULL;

	if (node->parent && !node->def)
		return node;
	for (const struct node *n = node->first; n && !found; n = n->next)
		found = first_unknown(n);
	return found;
}

static int translate(cyaml_err_t err, const struct complaint *complaint,
		     const struct rendering *r, const struct diag *diag)
{
	const struct node *node;

	/* The text is ours and well-formed: libyaml can only have run out of memory. */
	if (err == CYAML_ERR_OOM || err == CYAML_ERR_LIBYAML_PARSER_INIT ||
	    err == CYAML_ERR_LIBYAML_PARSER || err == CYAML_ERR_LIBYAML_EVENT_INIT)
		return snp_err_set(diag->err, -ENOMEM, "%s: out of memory", diag->name);
	/* No position: the root itself has the wrong kind. */
	node = r->lines[complaint->line > 0 && complaint->line <= r->count
			    ? complaint->line - 1
			    : 0];
	if (!complaint->unknown_key)
		return snp__wrong_value(node, diag);
	node = first_unknown(r->lines[0]);
	if (node)
		return snp__wrong_key(node, diag);
	return snp_err_set(diag->err, -EINVAL, "%s: %s", diag->name,
			   cyaml_strerror(err));
}

static int load_text(const char *text, size_t len, const struct rendering *r,
		     const struct diag *diag, struct snp_config **ret_cfg)
{
	struct complaint complaint = {0};
	cyaml_config_t config = cyaml_config(&complaint);
	cyaml_data_t *data = NULL;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)text, len, &config, &snp__config_cyaml,
			      &data, NULL);
	if (err != CYAML_OK)
		return translate(err, &complaint, r, diag);
	*ret_cfg = data;
	return 0;
}

int snp__typed_load(const struct node *root, const struct diag *diag,
		    struct snp_config **ret_cfg)
{
	struct rendering r = {0};
	char *text = NULL;
	size_t len = 0;
	int rc = -ENOMEM;

	r.out = open_memstream(&text, &len);
	if (r.out) {
		rc = render(&r, root);
		/* A stream in memory fails for one reason only. */
		if (ferror(r.out) | fclose(r.out) || !text)
			rc = -ENOMEM;
	}
	if (rc < 0)
		(void)snp_err_set(diag->err, rc, "%s: out of memory", diag->name);
	else
		rc = load_text(text, len, &r, diag, ret_cfg);
	free(r.lines);
	free(text);
	return rc;
}

void snp__typed_destroy(struct snp_config *cfg)
{
	struct complaint complaint = {0};
	cyaml_config_t config = cyaml_config(&complaint);

	(void)cyaml_free(&config, &snp__config_cyaml, cfg, 0);
}
