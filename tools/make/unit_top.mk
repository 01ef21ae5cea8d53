# A moment between the sampler's look at the rows and its look at the events, for a test.
WRAP_top_sampler_test := snp_segment_snapshot
