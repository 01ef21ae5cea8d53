/* SPDX-License-Identifier: Apache-2.0 */
#include "screen_guard.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
#define FATAL_SIGNALS (sizeof(fatal_signals) / sizeof(*fatal_signals))

/* A handler has no argument of ours: this is the one place where a global is the way.
 */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios modes;
	char restore[256];
	size_t restore_len;
} guard;

static void on_fatal_signal(int sig)
{
	if (guard.armed) {
		guard.armed = 0;
		if (write(guard.fd, guard.restore, guard.restore_len) < 0) {
			/* nothing left to try */
		}
		(void)tcsetattr(guard.fd, TCSANOW, &guard.modes);
	}
	/* Also where another handler stands before us and calls us. */
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

void screen_guard_install(void)
{
	struct sigaction action = {.sa_handler = on_fatal_signal,
				   .sa_flags = SA_NODEFER};

	for (size_t i = 0; i < FATAL_SIGNALS; i++)
		(void)sigaction(fatal_signals[i], &action, NULL);
}

void screen_guard_set(int fd, const struct termios *modes, const char *restore)
{
	guard.fd = fd;
	guard.modes = *modes;
	guard.restore_len = strnlen(restore, sizeof(guard.restore));
	memcpy(guard.restore, restore, guard.restore_len);
	guard.armed = 1;
}

void screen_guard_clear(void)
{
	guard.armed = 0;
}
