/* SPDX-License-Identifier: Apache-2.0 */
#include "model/program.h"

#include <stdio.h>

#include "model/target.h"

void snp_program_take_signals(sigset_t *ret_stop)
{
	(void)sigemptyset(ret_stop);
	(void)sigaddset(ret_stop, SIGTERM);
	(void)sigaddset(ret_stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, ret_stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

int snp_program_print(const char *text)
{
	(void)fputs(text, stdout);
	return fflush(stdout) == 0 ? SNP_EXIT_OK : SNP_EXIT_FAILURE;
}
