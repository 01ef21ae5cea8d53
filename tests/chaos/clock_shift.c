/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_shift.c - preloaded into a process, lets a test step its clocks: the wall clock
 * as an administrator or NTP would, and CLOCK_BOOTTIME as a suspended host does.
 *
 * $SNP_CLOCK_FILE holds two native int64: nanoseconds added to CLOCK_REALTIME and to
 * CLOCK_BOOTTIME. Each may change at any time. Everything else is as it was.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static _Atomic int64_t none[2];
static _Atomic int64_t *shifts = none;

__attribute__((constructor)) static void map_shifts(void)
{
	const char *path = getenv("SNP_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		shifts = map;
}

static int64_t shift_of(clockid_t clock)
{
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		return atomic_load_explicit(&shifts[0], memory_order_relaxed);
	if (clock == CLOCK_BOOTTIME)
		return atomic_load_explicit(&shifts[1], memory_order_relaxed);
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int64_t shift = shift_of(clock);
	int64_t ns;

	if (syscall(SYS_clock_gettime, clock, ret_time) != 0)
		return -1;
	if (shift == 0)
		return 0;
	ns = ret_time->tv_sec * SECOND + ret_time->tv_nsec + shift;
	ret_time->tv_sec = ns / SECOND;
	ret_time->tv_nsec = ns % SECOND;
	return 0;
}

time_t time(time_t *ret_time)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	ret_time->tv_sec = now.tv_sec;
	ret_time->tv_usec = now.tv_nsec / 1000;
	return 0;
}
