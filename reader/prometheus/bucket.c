/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket.h"

/* A full bucket can be emptied at once, and is full again as many intervals later: the
 * time at which it will be full says how many tokens are left. */
bool bucket_take(struct bucket *bucket, snp_mono_t now, uint64_t interval_ns,
		 uint64_t burst)
{
	if (interval_ns != bucket->interval_ns || burst != bucket->burst)
		*bucket = (struct bucket){
		    .full = now, .interval_ns = interval_ns, .burst = burst};
	uint64_t full = bucket->full.ns > now.ns ? bucket->full.ns : now.ns;
	uint64_t missing = full - now.ns;
	uint64_t most =
	    burst > UINT64_MAX / interval_ns ? UINT64_MAX : burst * interval_ns;

	if (missing > most || most - missing < interval_ns ||
	    full > UINT64_MAX - interval_ns)
		return false;
	bucket->full.ns = full + interval_ns;
	return true;
}
