/* SPDX-License-Identifier: Apache-2.0 */
#include "origin.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

int snp__boot_id(uint8_t ret_id[16])
{
	char text[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	int n = 0;

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		(void)fclose(f);
	}
	for (const char *p = text; *p && n < 16; p++) {
		unsigned byte;

		if (*p == '-')
			continue;
		if (sscanf(p, "%2x", &byte) != 1)
			break;
		ret_id[n++] = (uint8_t)byte;
		p++;
	}
	return n == 16 ? 0 : -ENOENT;
}

uint64_t snp__namespace_inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}
