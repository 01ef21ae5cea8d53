/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - what the mains of long-running readers have in common.
 */
#ifndef SNP_MODEL_PROGRAM_H
#define SNP_MODEL_PROGRAM_H

#include <signal.h>

/* Before there is a second thread: block SIGTERM and SIGINT, which *ret_stop then is
 * for sigtimedwait(), and ignore SIGPIPE. */
void snp_program_take_signals(sigset_t *ret_stop);

#endif
