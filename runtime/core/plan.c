/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/paths.h"
#include "core/runtime.h"
#include "pool/pool.h"
#include "snakepit/read.h"
#include "worker/command.h"

/* Measured: a runtime of one worker has 31 descriptors and 10 threads, each worker six
 * descriptors more, and 12 threads of its own. What is above that is for clients, for
 * starts, and for calls that the thread profile runs side by side. */
#define DESCRIPTORS	   128
#define DESCRIPTORS_WORKER 8
#define TASKS		   32
#define TASKS_WORKER	   16

/* What plan_import() runs is our own server; what others bring may know no such flag.
 */
static bool is_native(const struct snp_cfg_pool *pool)
{
	return pool->bridge == SNP_CFG_BRIDGE_NATIVE && !pool->script;
}

static void print_numbers(const struct snp_config *cfg, FILE *out)
{
	uint64_t descriptors = DESCRIPTORS, tasks = TASKS;

	for (uint32_t i = 0; i < cfg->pools_count; i++) {
		const struct snp_cfg_pool *pool = &cfg->pools[i];
		const uint64_t slots = pool_slots(pool);

		descriptors += slots * DESCRIPTORS_WORKER;
		tasks += slots * (TASKS_WORKER + snp_cfg_pool_capacity(pool));
	}
	(void)fprintf(out, "segment %" PRIu64 "\n", runtime_segment_bytes(cfg));
	(void)fprintf(out, "descriptors %" PRIu64 "\ntasks %" PRIu64 "\n", descriptors,
		      tasks);
}

int plan_print(struct snp_config *cfg, FILE *out, struct snp_err *err)
{
	char dir[SNP_PATH_BYTES];
	int rc = runtime_dir(cfg, dir, err);

	if (rc == 0)
		rc = snp_config_resolve_dir(cfg, dir, err);
	if (rc < 0)
		return rc;
	(void)fprintf(out, "instance %s\ndir %s\ndisk %d\n", cfg->instance, dir,
		      cfg->segment.allow_disk);
	print_numbers(cfg, out);
	for (uint32_t i = 0; i < cfg->listen_count; i++)
		(void)fprintf(out, "listen %s\n", cfg->listen[i]);
	if (cfg->readers.prometheus.enabled)
		(void)fprintf(out, "prometheus %s\n", cfg->readers.prometheus.listen);
	if (cfg->readers.otlp.enabled)
		(void)fprintf(out, "otlp %s\n", cfg->readers.otlp.endpoint);
	for (uint32_t i = 0; i < cfg->pools_count; i++)
		(void)fprintf(out, "pool %s %s\n", cfg->pools[i].name,
			      is_native(&cfg->pools[i]) ? "native" : "other");
	return fflush(out) == 0 ? 0 : snp_err_errno(err, "cannot write the plan");
}

int plan_import(const struct snp_config *cfg, const char *pool, struct snp_err *err)
{
	struct spawn_site site = {.log_level = cfg->log.level};
	struct spawn_request request = {.site = &site};
	struct command command;
	struct paths paths = {0};
	int rc;

	for (uint32_t i = 0; i < cfg->pools_count; i++)
		if (strcmp(cfg->pools[i].name, pool) == 0)
			request.pool = &cfg->pools[i];
	if (!request.pool)
		return snp_err_set(err, -ENOENT, "there is no pool '%s'", pool);
	rc = paths_find(&paths, NULL, err);
	if (rc < 0)
		return rc;
	site.server = paths.server;
	site.package_path = paths.package;
	site.venv_python = paths.venv_python;
	rc = command_build_import(&request, &command);
	if (rc < 0)
		return snp_err_set(err, rc, "out of memory");
	(void)execvpe(command.argv[0], command.argv, command.env);
	rc = snp_err_errno(err, "cannot run '%s'", command.argv[0]);
	command_free(&command);
	return rc;
}
