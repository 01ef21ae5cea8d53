/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/oom.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The value of the line "oom_kill <n>". False: cannot be read. */
static bool read_kills(const char *path, uint64_t *ret_kills)
{
	FILE *file = fopen(path, "re");
	char line[128];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "oom_kill %" SCNu64, ret_kills) == 1;
	if (file)
		(void)fclose(file);
	return found;
}

/* Take "<root><middle><group>/<name>" if it has the count. */
static bool try_path(struct oom *oom, const char *root, const char *middle,
		     const char *group, const char *name)
{
	int n = snprintf(oom->path, sizeof(oom->path), "%s%s%s/%s", root, middle, group,
			 name);

	if (n > 0 && (size_t)n < sizeof(oom->path) &&
	    read_kills(oom->path, &oom->seen)) {
		oom->looked = oom->seen;
		return true;
	}
	oom->path[0] = '\0';
	return false;
}

/* Lines are "<number>:<controllers>:<group>"; the one of version 2 is "0::<group>". A
 * container sees its own group as the root of what is mounted. */
static bool try_line(struct oom *oom, const char *root, char *line)
{
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return false;
	*group++ = '\0';
	group[strcspn(group, "\n")] = '\0';
	if (controllers[1] == '\0')
		return try_path(oom, root, "", group, "memory.events") ||
		       try_path(oom, root, "", "", "memory.events");
	if (strcmp(controllers + 1, "memory") != 0)
		return false;
	return try_path(oom, root, "/memory", group, "memory.oom_control") ||
	       try_path(oom, root, "/memory", "", "memory.oom_control");
}

void oom_init(struct oom *oom, const char *proc_cgroup, const char *root)
{
	FILE *file = fopen(proc_cgroup, "re");
	char line[512];
	bool found = false;

	*oom = (struct oom){.path = ""};
	while (file && !found && fgets(line, sizeof(line), file))
		found = try_line(oom, root, line);
	if (file)
		(void)fclose(file);
}

void oom_look(struct oom *oom)
{
	if (oom->looked > oom->seen)
		oom->seen = oom->looked;
	if (*oom->path)
		(void)read_kills(oom->path, &oom->looked);
}

bool oom_take(struct oom *oom)
{
	uint64_t kills;

	if (!*oom->path || !read_kills(oom->path, &kills) || kills <= oom->seen)
		return false;
	oom->seen++;
	return true;
}
