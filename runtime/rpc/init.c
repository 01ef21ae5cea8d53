/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/loop.h"

#include <dlfcn.h>
#include <string.h>

#include <grpc/grpc.h>
#include <grpc/support/log.h>

static rpc_log_fn log_sink;
static unsigned init_count;

/* Only installed while there is a sink. */
static void forward_log(gpr_log_func_args *args)
{
	static const enum rpc_log_level level_of[] = {
	    [GPR_LOG_SEVERITY_DEBUG] = RPC_LOG_DEBUG,
	    [GPR_LOG_SEVERITY_INFO] = RPC_LOG_INFO,
	    [GPR_LOG_SEVERITY_ERROR] = RPC_LOG_ERROR,
	};

	log_sink(level_of[args->severity], args->message);
}

/* Debian builds absl with its lock-order checker on, and that aborts the process when
 * it believes it sees a cycle. There is no C interface to the switch; where the symbol
 * has another name the checker is not compiled in, or an upgrade needs a look here. */
static void disable_absl_deadlock_detection(void)
{
	static const char name[] =
	    "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE";
	enum { ON_DEADLOCK_CYCLE_IGNORE = 0 };
	void *symbol = dlsym(RTLD_DEFAULT, name);
	void (*set_mode)(int);

	if (!symbol)
		return;
	memcpy(&set_mode, &symbol, sizeof(set_mode));
	set_mode(ON_DEADLOCK_CYCLE_IGNORE);
}

void rpc_init(rpc_log_fn log_fn)
{
	if (init_count++ > 0)
		return;
	log_sink = log_fn;
	disable_absl_deadlock_detection();
	gpr_set_log_function(log_fn ? forward_log : NULL);
	gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
	grpc_init();
}

void rpc_shutdown(void)
{
	if (--init_count > 0)
		return;
	grpc_shutdown();
	gpr_set_log_function(NULL);
	log_sink = NULL;
}
