/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control.h"

#include <errno.h>

#define NOT_YET(err) snp_err_set((err), -EBUSY, "not in this version")

int control_drain(struct supervisor *sup, const char *pool, struct snp_err *err)
{
	(void)sup;
	(void)pool;
	return NOT_YET(err);
}

int control_resume(struct supervisor *sup, const char *pool, struct snp_err *err)
{
	(void)sup;
	(void)pool;
	return NOT_YET(err);
}

int control_recycle(struct supervisor *sup, const char *pool, int64_t slot,
		    enum control_force force, struct snp_err *err)
{
	(void)sup;
	(void)pool;
	(void)slot;
	(void)force;
	return NOT_YET(err);
}

int control_scale(struct supervisor *sup, const char *pool, uint32_t workers,
		  struct snp_err *err)
{
	(void)sup;
	(void)pool;
	(void)workers;
	return NOT_YET(err);
}

int control_reload(struct supervisor *sup, struct snp_config *take_cfg,
		   struct snp_err *err)
{
	(void)sup;
	(void)take_cfg;
	return NOT_YET(err);
}
