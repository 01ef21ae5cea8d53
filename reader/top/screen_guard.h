/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen_guard.h - put the terminal back when the process dies of a bug.
 *
 * Private to screen.c. Everything a handler needs is prepared beforehand, so that it
 * calls async-signal-safe functions only.
 */
#ifndef SNP_TOP_SCREEN_GUARD_H
#define SNP_TOP_SCREEN_GUARD_H

#include <termios.h>

/* From now on SIGSEGV, SIGBUS, SIGABRT, SIGFPE and SIGILL write `restore` (copied) to
 * `fd`, set its `modes`, and then do what they do without us. */
void screen_guard_set(int fd, const struct termios *modes, const char *restore);
void screen_guard_clear(void);

#endif
