/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "reload"
#include "core/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/notify.h"
#include "core/runtime.h"
#include "log/log.h"
#include "worker/control.h"
#include "worker/supervisor.h"

/* ---- the new configuration ------------------------------------------------ */

/* What was read at the start may have been a pipe; to open one again could wait for
 * ever. */
static int check_regular(const char *file, struct snp_err *err)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return snp_err_errno(err, "cannot read the configuration file %s",
				     file);
	return S_ISREG(st.st_mode)
		   ? 0
		   : snp_err_set(err, -EINVAL,
				 "%s is not a regular file; only one of those can be "
				 "read again",
				 file);
}

static int load(const struct reload *reload, struct snp_config **ret_cfg,
		struct snp_err *err)
{
	struct snp_config *cfg = NULL;
	int rc = check_regular(reload->file, err);

	if (rc == 0)
		rc = snp_config_load(reload->file, &cfg, err);
	if (rc == 0)
		rc = runtime_check(cfg, reload->file, err);
	if (rc == 0)
		rc = snp_config_resolve_dir(cfg, reload->dir, err);
	if (rc < 0)
		snp_config_destroy(&cfg);
	else
		*ret_cfg = cfg;
	return rc;
}

static int check_restart(const struct reload *reload, const struct snp_cfg_diff *diff,
			 struct snp_err *err)
{
	const struct snp_cfg_change *change =
	    snp_config_diff_first(diff, SNP_CFG_NEEDS_RESTART);
	size_t line, column;
	char *key;
	int rc;

	if (!change)
		return 0;
	key = strndup(change->text, change->key_len);
	if (!key)
		return snp_err_set(err, -ENOMEM, "%s: out of memory", reload->file);
	rc = snp_config_locate(reload->file, key, &line, &column);
	free(key);
	return rc == 0 ? snp_err_set(err, -EINVAL, "%s:%zu:%zu: %s needs a restart",
				     reload->file, line, column, change->text)
		       : snp_err_set(err, -EINVAL, "%s: %s needs a restart",
				     reload->file, change->text);
}

/* ---- going over ----------------------------------------------------------- */

static void apply_log(struct supervisor *sup, const struct snp_cfg_log *cfg)
{
	log_set_level(cfg->level);
	log_set_format(cfg->format);
	/* Workers that are started from now on. */
	sup->spawn.log_level = cfg->level;
	sup->site.relay_output = cfg->python_output;
}

/* Takes `take_cfg` if it succeeds and something has changed. */
static int go_over(struct supervisor *sup, struct snp_config **take_cfg,
		   const struct snp_cfg_diff *diff, struct snp_err *err)
{
	struct snp_config *cfg = *take_cfg;
	int rc;

	if (diff->nr == 0) {
		log_info("configuration unchanged", LOG_STR("file", sup->reload.file));
		return 0;
	}
	rc = check_restart(&sup->reload, diff, err);
	if (rc == 0)
		rc = control_reload(sup, cfg, err);
	if (rc < 0)
		return rc;
	*take_cfg = NULL;
	apply_log(sup, &cfg->log);
	readers_apply(&sup->readers, &cfg->readers);
	for (size_t i = 0; i < diff->nr; i++)
		log_info("configuration changed",
			 LOG_STR("change", diff->changes[i].text),
			 LOG_STR("needs", snp_cfg_needs_name(diff->changes[i].needs)));
	return 0;
}

static int reload_file(struct supervisor *sup, struct snp_cfg_diff *ret_diff,
		       struct snp_err *err)
{
	const struct reload *reload = &sup->reload;
	struct snp_cfg_diff diff = {0};
	struct snp_config *cfg = NULL;
	int rc;

	if (sup->phase != SUPERVISOR_RUNNING)
		return snp_err_set(err, -EBUSY, "the runtime is stopping");
	if (!reload->file)
		return snp_err_set(err, -EBUSY,
				   "this runtime has no configuration file");
	rc = load(reload, &cfg, err);
	if (rc == 0 && snp_config_diff(reload->started, sup->cfg, cfg, &diff) < 0)
		rc = snp_err_set(err, -ENOMEM, "%s: out of memory", reload->file);
	if (rc == 0)
		rc = go_over(sup, &cfg, &diff, err);
	/* Whatever has changed: certificates are renewed under the names they have. */
	if (rc == 0 && sup->cfg->tls)
		rc = front_reload_tls(sup->front, sup->cfg->tls, err);
	snp_config_destroy(&cfg);
	if (rc < 0)
		snp_config_diff_fini(&diff);
	else
		*ret_diff = diff;
	return rc;
}

int reload_run(struct supervisor *sup, struct snp_cfg_diff *ret_diff,
	       struct snp_err *err)
{
	struct snp_event_fields event = {.kind = SNP_EVENT_KIND_CONFIG_RELOADED,
					 .initiator = SNP_INITIATOR_OPERATOR};
	int rc;

	notify_reloading(sup->notify, snp_mono_now());
	rc = reload_file(sup, ret_diff, err);
	notify_reloaded(sup->notify);
	if (rc < 0) {
		log_warn("configuration refused, the old one stays in force",
			 LOG_STR("error", err->msg));
		event.kind = SNP_EVENT_KIND_CONFIG_REFUSED;
	} else {
		event.value[0] = ret_diff->nr;
	}
	snp_add(&sup->bank.proc->reloads[rc < 0 ? SNP_OUTCOME_ERROR : SNP_OUTCOME_OK],
		1);
	snp_event_record(&sup->bank, &event, snp_mono_now());
	return rc;
}

void reload_on_signal(struct supervisor *sup)
{
	struct snp_cfg_diff diff = {0};
	struct snp_err err = {0};

	(void)reload_run(sup, &diff, &err);
	snp_config_diff_fini(&diff);
}
