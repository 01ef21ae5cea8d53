/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - what 'y' copies, and the sequence that carries it. Pure.
 */
#ifndef SNP_TOP_COPY_H
#define SNP_TOP_COPY_H

#include "model/buf.h"
#include "ui.h"

/* What is selected, as one line of words: of a worker its name and pid, of a lint the
 * command it suggests. Names and pids alone, nothing that a request carried, and no
 * control characters. Nothing is appended where nothing is selected. */
void top_copy_text(struct snp_buf *out, const struct top_ui *ui,
		   const struct top_context *context);

/* OSC 52: `text` into the terminal's clipboard. */
void top_copy_sequence(struct snp_buf *out, const char *text);

#endif
