/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h - watch the segment until what was asked for is done. */
#ifndef CONTROL_WAIT_H
#define CONTROL_WAIT_H

#include "model/pools.h"
#include "snakepit/err.h"
#include "verb.h"

/* How pools and workers are now. */
int wait_look(struct snp_segment *seg, struct snp_look *ret_look, struct snp_err *err);

/* Until the verb is done. -ETIMEDOUT; -ECANCELED: it was given up; -ESTALE: the runtime
 * has gone. */
int wait_done(const struct request *request, struct snp_segment *seg,
	      const struct snp_look *before, struct snp_err *err);

#endif
