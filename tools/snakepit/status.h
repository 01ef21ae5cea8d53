/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - the two forms in which `snakepit status` prints an instance. */
#ifndef SNAKEPIT_STATUS_H
#define SNAKEPIT_STATUS_H

#include "cli/form.h"
#include "instance.h"

struct status {
	const struct instance *inst;
	const char *pool;	    /* NULL: all */
	enum cli_table_style style; /* of the text */
	int exit_code;
	const char *why; /* why the code is not 0, for people; "" when it is */
};

/* Whether pool `index` of the look is to be shown. */
bool status_shows_pool(const struct status *status, size_t index);

/* Text of a worker's last failed start, "" = none. Lives as long as the instance. */
const char *status_last_error(const struct status *status,
			      const struct snp_worker_stat *worker);

/* Both return 0 or a negative errno. */
int status_print_text(const struct status *status);
int status_print_json(const struct status *status);

#endif
