/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command lines of the verbs. */
#ifndef CONTROL_OPTIONS_H
#define CONTROL_OPTIONS_H

#include "snakepit/err.h"
#include "verb.h"

#define POOL_BYTES 128

enum parsed { PARSED_RUN, PARSED_HELP, PARSED_VERSION };

/* What to do (enum parsed). argv[0] is the verb's name; what *ret_request refers to is
 * in argv and `pool`. -EINVAL: err says what is wrong. */
int options_parse(const struct verb *verb, int argc, char **argv,
		  struct request *ret_request, char pool[POOL_BYTES],
		  struct snp_err *err);

#endif
