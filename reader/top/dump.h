/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - what is on the screen as files: the text, and all there is as JSON.
 */
#ifndef SNP_TOP_DUMP_H
#define SNP_TOP_DUMP_H

#include "snakepit/err.h"
#include "view.h"

#define TOP_DUMP_NAME_BYTES 128

/* "snakepit-top-INSTANCE-TIME", in letters that names of files have. */
void top_dump_name(char ret_name[TOP_DUMP_NAME_BYTES], const struct top_frame *frame);

/* Write "snakepit-top-INSTANCE-TIME.txt" (the grid) and ".json" (as --json) into the
 * current directory; files that are there already stay as they are. *ret_name is the
 * name without the ending. Negative errno. */
int top_dump_write(const struct top_scene *scene, const struct top_grid *grid,
		   char ret_name[TOP_DUMP_NAME_BYTES], struct snp_err *err);

#endif
