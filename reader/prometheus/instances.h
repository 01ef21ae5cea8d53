/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instances.h - the runtimes one exporter serves: those it was told of, or all there
 * are.
 *
 * Runtimes named by the user are served for ever, as down while they are not there. Of
 * those found in the directory of segments each is served as long as its file is there.
 * One that cannot be read does not concern the others.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_INSTANCES_H
#define SNP_PROMETHEUS_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>

#include "instance.h"

struct instances {
	struct instance **list; /* as named, or sorted by name */
	size_t nr;
	bool follow;   /* list is what the directory holds */
	bool labelled; /* there are several, or have been */
	bool failed;   /* the directory could not be read; said in the log */
};

enum instances_choice {
	INSTANCES_NAMED, /* `names`, or without any the only one there is */
	INSTANCES_FOUND, /* all in the directory, at every look anew */
};

/* Names as snp_segment_find() takes them; copied. -ENOMEM. */
int instances_init(struct instances *instances, enum instances_choice choice,
		   const char *const *names, size_t names_nr);
void instances_fini(struct instances *instances);

/* See which there are and how they are. */
void instances_look(struct instances *instances);

/* The value of the label that tells this one from the others; NULL: there is only one.
 * A label that has come stays, lest series change their names twice. */
const char *instances_label(const struct instances *instances,
			    const struct instance *instance);

#endif
