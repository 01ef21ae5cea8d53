/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what a user keeps between runs: $XDG_CONFIG_HOME/snakepit/top.yaml.
 *
 * Read at the start, below options and environment; written only when asked to (W). The
 * only user of libyaml here.
 */
#ifndef SNP_TOP_SETTINGS_H
#define SNP_TOP_SETTINGS_H

#include <limits.h>

#include "snakepit/err.h"
#include "ui.h"

/* Where the file is: $XDG_CONFIG_HOME, else ~/.config. -ENOENT: there is no home. */
int top_settings_path(char ret_path[PATH_MAX]);

/* Take over what the file says. No file is fine. -EINVAL: it says something that is not
 * understood; err has the file, line and column; `ui` is as it was. */
int top_settings_load(const char *path, struct top_ui *ui, struct snp_err *err);

/* Write all of it, whole or not at all, making the directory where it is missing. A
 * file that is not the user's own stays as it is: -EPERM. */
int top_settings_save(const char *path, const struct top_ui *ui, struct snp_err *err);

#endif
