/* SPDX-License-Identifier: Apache-2.0 */
#include "map_guard.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	struct sigaction previous;
	uintptr_t page_bytes;
	volatile sig_atomic_t hit;
} map_guard;

/* mmap() is a bare system call on Linux, safe in a handler. */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(map_guard.page_bytes - 1);

	(void)context;
	if (info->si_code == BUS_ADRERR &&
	    mmap((void *)page, map_guard.page_bytes, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
		map_guard.hit = 1;
		return;
	}
	/* Not ours. A fault happens again on return and goes the old way. */
	(void)sigaction(SIGBUS, &map_guard.previous, NULL);
	if (info->si_code <= 0)
		(void)raise(sig);
}

void map_guard_begin(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	map_guard.hit = 0;
	map_guard.page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)sigaction(SIGBUS, &action, &map_guard.previous);
}

bool map_guard_end(void)
{
	(void)sigaction(SIGBUS, &map_guard.previous, NULL);
	return map_guard.hit != 0;
}
