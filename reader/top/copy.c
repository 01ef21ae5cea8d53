/* SPDX-License-Identifier: Apache-2.0 */
#include "copy.h"

#include <inttypes.h>
#include <string.h>

#include "model/utf8.h"

/* Text of a segment, without what a terminal or a shell's line editor would obey. */
static void put_clean(struct snp_buf *out, const char *text)
{
	char bytes[SNP_UTF8_BYTES_MAX];
	uint32_t ch;
	int width;

	while ((ch = top_text_next(&text, false, &width)) != 0)
		snp_buf_put(out, bytes, snp_utf8_encode(bytes, ch));
}

static const struct snp_worker_stat *worker_of(const struct top_pick *pick,
					       const struct snp_look *look)
{
	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];

		if (w->slot == pick->slot &&
		    strcmp(look->pools[w->pool].name, pick->pool) == 0)
			return w;
	}
	return NULL;
}

/* The command that the lint suggests; where it has none, its advice. */
static void copy_lint(struct snp_buf *out, const struct top_pick *pick,
		      const struct top_context *context)
{
	for (size_t i = 0; i < context->lints_nr; i++) {
		const struct top_lint *lint = &context->lints[i];
		const char *next = lint->next;

		if (lint->id != pick->lint || strcmp(lint->pool, pick->pool) != 0 ||
		    (lint->is_worker && lint->slot != pick->slot))
			continue;
		put_clean(out, strncmp(next, "$ ", 2) == 0 ? next + 2 : next);
		return;
	}
}

void top_copy_text(struct snp_buf *out, const struct top_ui *ui,
		   const struct top_context *context)
{
	const struct top_pick *pick =
	    ui->detail.kind != TOP_PICK_NONE ? &ui->detail : &ui->selected;
	const struct snp_worker_stat *worker;

	if (ui->detail.kind == TOP_PICK_LINT || ui->view == TOP_VIEW_LINTS) {
		copy_lint(out, &ui->lint, context);
		return;
	}
	if (pick->kind == TOP_PICK_NONE)
		return;
	put_clean(out, pick->pool);
	if (pick->kind != TOP_PICK_WORKER)
		return;
	snp_buf_printf(out, "/%" PRIu32, pick->slot);
	worker = worker_of(pick, &context->frame->look);
	if (worker && worker->pid > 0)
		snp_buf_printf(out, " %jd", (intmax_t)worker->pid);
}

/* ---- OSC 52 -------------------------------------------------------------- */

static void put_base64(struct snp_buf *out, const unsigned char *text, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len > 0; text += 3) {
		size_t n = len < 3 ? len : 3;
		unsigned bits = (unsigned)text[0] << 16;

		if (n > 1)
			bits |= (unsigned)text[1] << 8;
		if (n > 2)
			bits |= text[2];
		for (size_t i = 0; i < 4; i++)
			snp_buf_putc(out, i <= n ? digits[bits >> (18 - 6 * i) & 0x3f]
						 : '=');
		len -= n;
	}
}

void top_copy_sequence(struct snp_buf *out, const char *text)
{
	snp_buf_puts(out, "\033]52;c;");
	put_base64(out, (const unsigned char *)text, strlen(text));
	snp_buf_puts(out, "\033\\");
}
