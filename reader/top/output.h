/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - the modes without a screen: print, wait, print again; or judge.
 */
#ifndef SNP_TOP_OUTPUT_H
#define SNP_TOP_OUTPUT_H

#include "instances.h"
#include "options.h"
#include "source.h"
#include "ui.h"

struct top_output {
	const struct top_options *options;
	struct top_ui *ui;
	struct top_source *source; /* that has taken its first look; of --all: none */
	struct top_instances *instances; /* of --all, that have been looked at */
};

/* Returns an exit code; what went wrong has been said on stderr. */
int top_output_run(const struct top_output *output);

#endif
