/* SPDX-License-Identifier: Apache-2.0 */
/* pools_hist.h - the histograms of a look (model/pools.h). Private to it. Pure. */
#ifndef SNP_MODEL_POOLS_HIST_H
#define SNP_MODEL_POOLS_HIST_H

#include "model/pools.h"

/* The metrics that look->hist has, in order; NULL: the segment has no such. */
struct look_hists {
	const struct snp_metric *metric[SNP_LOOK_HISTS];
};

/* Sum up what each pool has; look->hist has room for its pools. Metrics of another
 * shape than that of durations are left out. */
void look_hists_read(struct snp_look *look, const struct snp_snapshot *snap,
		     const struct look_hists *hists);

/* Quantiles of what came since `window`, and of starts since the beginning. -ENOMEM. */
int look_quantiles(struct snp_look *look, const struct look_hists *hists,
		   const struct snp_look *window);

/* The same pool in another look; NULL: it has no such. */
const struct snp_pool_stat *look_same_pool(const struct snp_look *look,
					   const struct snp_pool_stat *p);

#endif
