# The library's mmap, so that a test can cut the file the moment it is mapped.
WRAP_shm_map_guard_test := mmap
