/* SPDX-License-Identifier: Apache-2.0 */
#include "model/news.h"

#include "model/log.h"

void snp_news_tell(struct snp_news *news, const struct snp_target *target)
{
	const struct snp_segment *seg = snp_target_segment(target);
	const struct snp_news now = {
	    .said = true,
	    .state = snp_target_state(target),
	    .verdict = snp_target_verdict(target),
	    .generation = snp_target_generation(target),
	};

	if (news->said && news->state == now.state && news->verdict == now.verdict &&
	    news->generation == now.generation)
		return;
	*news = now;
	if (seg)
		snp_log_line(snp_target_is_up(target) ? SNP_LOG_INFO : SNP_LOG_WARN,
			     "runtime is %s: %s, incarnation %llu",
			     snp_writer_verdict_name(now.verdict),
			     snp_segment_info(seg)->path,
			     (unsigned long long)snp_segment_info(seg)->incarnation);
	else
		snp_log_line(SNP_LOG_WARN, "no runtime to read: %s",
			     snp_target_error(target)->msg);
}
