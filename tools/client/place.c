/* SPDX-License-Identifier: Apache-2.0 */
#include "client/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/target.h"

#define SEGMENT_SUFFIX ".seg"

static int refuse_dead(const struct place *place, struct snp_err *err)
{
	const struct snp_segment_info *info = snp_segment_info(place->seg);

	switch (snp_segment_verdict(place->seg)) {
	case SNP_WRITER_CLOSED:
		return snp_err_set(
		    err, -ESTALE,
		    "instance '%s' was stopped; start it with 'snakepit run "
		    "-c FILE'",
		    info->instance);
	case SNP_WRITER_DEAD:
		return snp_err_set(
		    err, -ESTALE,
		    "instance '%s' is dead (pid %d left its segment); see "
		    "'snakepit status -n %s', start it with 'snakepit run "
		    "-c FILE'",
		    info->instance, (int)info->pid, info->instance);
	case SNP_WRITER_OLD:
		return snp_err_set(err, -ESTALE,
				   "instance '%s' has not run since the machine was "
				   "started; start it with 'snakepit run -c FILE'",
				   info->instance);
	default:
		return 0;
	}
}

/* "<dir>/<instance>.sock" for "<dir>/<instance>.seg". */
static int socket_beside(const char *segment, char ret[SNP_PATH_BYTES],
			 struct snp_err *err)
{
	size_t len = strlen(segment), suffix = strlen(SEGMENT_SUFFIX);
	int n;

	if (len > suffix && strcmp(segment + len - suffix, SEGMENT_SUFFIX) == 0)
		len -= suffix;
	n = snprintf(ret, SNP_PATH_BYTES, "unix:%.*s.sock", (int)len, segment);
	if (n < 0 || n >= SNP_PATH_BYTES)
		return snp_err_set(err, -ENAMETOOLONG, "path too long: %.64s...",
				   segment);
	return 0;
}

int place_find(const char *instance, const char *address, struct place *ret,
	       struct snp_err *err)
{
	struct place place = {0};
	char path[SNP_PATH_BYTES];
	int r;

	if (address) {
		if (strlen(address) >= sizeof(place.address)) {
			snp_err_set(err, -ENAMETOOLONG, "--address is too long");
			return SNP_EXIT_USAGE;
		}
		memcpy(place.address, address, strlen(address) + 1);
		*ret = place;
		return SNP_EXIT_OK;
	}
	r = snp_segment_find(instance, path, err);
	if (r == 0)
		r = snp_segment_attach(path, &place.seg, err);
	if (r < 0)
		return snp_exit_code(r);
	r = refuse_dead(&place, err);
	if (r == 0)
		r = socket_beside(path, place.address, err);
	if (r < 0) {
		place_fini(&place);
		return r == -ESTALE ? SNP_EXIT_NOT_RUNNING : SNP_EXIT_FAILURE;
	}
	*ret = place;
	return SNP_EXIT_OK;
}

bool place_is_gone(const struct place *place)
{
	switch (place->seg ? snp_segment_verdict(place->seg) : SNP_WRITER_ALIVE) {
	case SNP_WRITER_CLOSED:
	case SNP_WRITER_DEAD:
	case SNP_WRITER_OLD:
		return true;
	default:
		return false;
	}
}

void place_fini(struct place *place)
{
	snp_segment_detach(&place->seg);
}
