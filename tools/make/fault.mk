# Tests with tests/lib/fault.h: what its table catches, and what the compiler makes of it.
FAULT_CALLS := free malloc calloc realloc reallocarray strdup strndup fopen opendir read pread write \
	       mmap madvise fstat stat fstatat fstatfs statfs posix_fallocate ftruncate mkdir \
	       linkat renameat getrandom memfd_create scandir open openat fcntl
$(foreach c,shm model config prometheus otlp statsd top runtime,$(eval WRAP_$(c)_fault_test := $(FAULT_CALLS)))
# snp_gzip is called here, and nowhere else in the tests of the model.
TSYS_model := -lz
