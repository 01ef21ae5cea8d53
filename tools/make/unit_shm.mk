# The writer asks the clock in the middle of a recycling, which lets a test look at it there.
WRAP_shm_rows_test := clock_gettime
