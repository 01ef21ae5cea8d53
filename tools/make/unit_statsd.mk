# A resolver that the test answers for.
WRAP_statsd_sender_test := getaddrinfo
