/* SPDX-License-Identifier: Apache-2.0 */
#include "instances.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/log.h"

static int add(struct instances *instances, const char *name, const char *label,
	       struct instance **ret_instance)
{
	struct instance **list;
	int r;

	list =
	    reallocarray(instances->list, instances->nr + 1, sizeof(struct instance *));
	if (!list)
		return -ENOMEM;
	instances->list = list;
	r = instance_create(name, label, &list[instances->nr]);
	if (r < 0)
		return r;
	*ret_instance = list[instances->nr++];
	if (instances->nr > 1 && !instances->labelled) {
		instances->labelled = true;
		/* Prepared without the label. */
		for (size_t i = 0; i < instances->nr; i++)
			families_destroy(&list[i]->families);
	}
	return 0;
}

/* ---- named by the user --------------------------------------------------- */

/* "prod" for "prod" and for "/run/snakepit/prod.seg". */
static size_t short_name(const char *name, const char **ret_begin)
{
	const char *slash = strrchr(name, '/');
	const char *begin = slash ? slash + 1 : name;
	size_t len = strlen(begin);

	if (slash && len > 4 && strcmp(begin + len - 4, ".seg") == 0)
		len -= 4;
	*ret_begin = begin;
	return len;
}

static bool same_short_name(const char *a, const char *b)
{
	const char *a_begin, *b_begin;
	size_t a_len = short_name(a, &a_begin), b_len = short_name(b, &b_begin);

	return a_len == b_len && memcmp(a_begin, b_begin, a_len) == 0;
}

static int add_named(struct instances *instances, const char *const *names,
		     size_t names_nr, size_t which)
{
	const char *name = names[which], *begin;
	size_t len = short_name(name, &begin);
	struct instance *instance;
	char *label;
	int r;

	/* Files of the same name in two directories are told apart by their paths. */
	for (size_t i = 0; i < names_nr; i++) {
		if (i != which && same_short_name(names[i], name)) {
			begin = name;
			len = strlen(name);
		}
	}
	label = strndup(begin, len);
	if (!label)
		return -ENOMEM;
	r = add(instances, name, label, &instance);
	free(label);
	return r;
}

int instances_init(struct instances *instances, enum instances_choice choice,
		   const char *const *names, size_t names_nr)
{
	struct instance *only;
	int r = 0;

	*instances = (struct instances){.follow = choice == INSTANCES_FOUND};
	if (instances->follow)
		return 0;
	if (names_nr == 0)
		r = add(instances, NULL, "", &only);
	for (size_t i = 0; i < names_nr && r == 0; i++)
		r = add_named(instances, names, names_nr, i);
	if (r < 0)
		instances_fini(instances);
	return r;
}

void instances_fini(struct instances *instances)
{
	for (size_t i = 0; i < instances->nr; i++)
		instance_destroy(&instances->list[i]);
	free(instances->list);
	*instances = (struct instances){0};
}

/* ---- found in the directory ---------------------------------------------- */

static int see_file(const char *name, const char *path, void *user)
{
	struct instances *instances = user;
	struct instance *instance;
	int r;

	for (size_t i = 0; i < instances->nr; i++) {
		if (strcmp(instances->list[i]->label, name) == 0) {
			instances->list[i]->listed = true;
			return 0;
		}
	}
	r = add(instances, path, name, &instance);
	if (r < 0)
		return r;
	instance->listed = true;
	return 0;
}

static void drop_gone(struct instances *instances)
{
	size_t kept = 0;

	for (size_t i = 0; i < instances->nr; i++) {
		struct instance *instance = instances->list[i];

		if (instance->listed) {
			instances->list[kept++] = instance;
			continue;
		}
		snp_log_line(SNP_LOG_INFO, "instance '%s' is gone", instance->label);
		instance_destroy(&instance);
	}
	instances->nr = kept;
}

static int by_label(const void *a, const void *b)
{
	const struct instance *const *left = a, *const *right = b;

	return strcmp((*left)->label, (*right)->label);
}

static void follow_directory(struct instances *instances)
{
	struct snp_err err = {0};
	bool failed;

	for (size_t i = 0; i < instances->nr; i++)
		instances->list[i]->listed = false;
	failed = snp_segment_list(see_file, instances, &err) < 0;
	if (failed && !instances->failed)
		snp_log_line(SNP_LOG_ERROR, "cannot look for instances: %s",
			     err.msg[0] ? err.msg : "out of memory");
	instances->failed = failed;
	if (failed)
		return; /* those we have may be there all the same */
	drop_gone(instances);
	if (instances->nr > 1)
		qsort(instances->list, instances->nr, sizeof(struct instance *),
		      by_label);
}

void instances_look(struct instances *instances)
{
	if (instances->follow)
		follow_directory(instances);
	for (size_t i = 0; i < instances->nr; i++)
		instance_look(instances->list[i]);
}

const char *instances_label(const struct instances *instances,
			    const struct instance *instance)
{
	return instances->labelled ? instance->label : NULL;
}
