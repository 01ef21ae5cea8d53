/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen_guard.h - put the terminal back when the process dies of a bug.
 *
 * Private to screen.c, but for screen_guard_install(). Everything a handler needs is
 * prepared beforehand, so that it calls async-signal-safe functions only.
 */
#ifndef SNP_TOP_SCREEN_GUARD_H
#define SNP_TOP_SCREEN_GUARD_H

#include <termios.h>

/* Handle SIGSEGV, SIGBUS, SIGABRT, SIGFPE and SIGILL for the rest of the process.
 * Before the first attach to a segment: that puts a handler of its own for SIGBUS
 * before ours, and passes on to ours what is not its own. */
void screen_guard_install(void);

/* From now on these signals write `restore` (copied) to `fd`, set its `modes`, and then
 * do what they do without us. */
void screen_guard_set(int fd, const struct termios *modes, const char *restore);
/* Now they do what they do without us. */
void screen_guard_clear(void);

#endif
