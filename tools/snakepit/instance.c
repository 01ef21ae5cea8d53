/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static void sleep_ms(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000,
				.tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static uint64_t heartbeat_age_ns(const struct instance *inst)
{
	return snp_mono_since_ns(snp_segment_now(inst->seg, inst->snap),
				 snp_snapshot_stats(inst->snap)->heartbeat_mono);
}

/* HUNG needs two looks a while apart; a fresh heartbeat makes the second one needless.
 */
static int judge(struct instance *inst, struct snp_err *err)
{
	const struct snp_segment_info *info = snp_segment_info(inst->seg);
	int r;

	inst->verdict = snp_segment_verdict(inst->seg);
	r = snp_segment_snapshot(inst->seg, &inst->snap, err);
	if (r < 0 || inst->verdict != SNP_WRITER_ALIVE)
		return r;
	if (heartbeat_age_ns(inst) / SNP_NS_PER_MS < info->stale_after_ms)
		return 0;
	sleep_ms(info->stale_after_ms);
	inst->verdict = snp_segment_verdict(inst->seg);
	return snp_segment_snapshot(inst->seg, &inst->snap, err);
}

int instance_open(const char *path, struct instance *inst, struct snp_err *err)
{
	struct instance new = {0};
	int r;

	*inst = new;
	r = snp_segment_attach(path, &new.seg, err);
	if (r < 0)
		return r;
	r = judge(&new, err);
	if (r == 0 && snp_look_read(&new.look, new.snap, NULL, NULL) < 0)
		r = snp_err_set(err, -ENOMEM, "out of memory");
	if (r < 0) {
		instance_close(&new);
		return r;
	}
	new.uptime_ns = snp_mono_since_ns(snp_snapshot_now(new.snap),
					  snp_segment_info(new.seg)->start_mono);
	new.age_ns = heartbeat_age_ns(&new);
	*inst = new;
	return 0;
}

void instance_close(struct instance *inst)
{
	snp_look_fini(&inst->look);
	snp_snapshot_destroy(&inst->snap);
	snp_segment_detach(&inst->seg);
}

bool instance_pool_serves(const struct instance *inst, size_t pool)
{
	const struct snp_pool_stat *stat = &inst->look.pools[pool];

	return stat->admission == SNP_ADMISSION_OPEN &&
	       stat->by_status[SNP_WORKER_STATUS_IDLE] +
		       stat->by_status[SNP_WORKER_STATUS_BUSY] >
		   0;
}

/* "starting" is a matter of the whole: once each pool has served, a pool without
 * workers is that pool's trouble. */
static bool is_starting(const struct instance *inst)
{
	for (size_t i = 0; i < inst->look.pools_nr; i++) {
		if (!instance_pool_serves(inst, i) &&
		    inst->look.pools[i].requests == 0 &&
		    inst->look.pools[i].by_status[SNP_WORKER_STATUS_STARTING] > 0)
			return true;
	}
	return inst->look.pools_nr == 0;
}

const char *instance_word(const struct instance *inst)
{
	switch (inst->verdict) {
	case SNP_WRITER_CLOSED:
		return "stopped";
	case SNP_WRITER_DEAD:
		return "dead";
	case SNP_WRITER_OLD:
		return "old boot";
	case SNP_WRITER_HUNG:
		return "hung";
	default:
		break;
	}
	if (snp_snapshot_stats(inst->snap)->state == SNP_STATE_DRAINING)
		return "stopping";
	return is_starting(inst) ? "starting" : "running";
}
