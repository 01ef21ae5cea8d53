/* SPDX-License-Identifier: Apache-2.0 */
#include "model/program.h"

void snp_program_take_signals(sigset_t *ret_stop)
{
	(void)sigemptyset(ret_stop);
	(void)sigaddset(ret_stop, SIGTERM);
	(void)sigaddset(ret_stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, ret_stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}
