/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held_config.h - a configuration that lives as long as somebody uses it: the present
 * one, and after a reload those that running workers were started with. Supervisor's
 * thread.
 */
#ifndef SNAKEPIT_RUNTIME_HELD_CONFIG_H
#define SNAKEPIT_RUNTIME_HELD_CONFIG_H

#include "config/config.h"

struct held_config;

/* One reference. NULL: out of memory, and `take_cfg` is still the caller's. */
struct held_config *held_config_create(struct snp_config *take_cfg);
/* The same for one that somebody else owns and that outlives all references. */
struct held_config *held_config_borrow(const struct snp_config *cfg);

struct held_config *held_config_ref(struct held_config *held);
/* Accepts a pointer to NULL; sets it to NULL. */
void held_config_unref(struct held_config **held);

const struct snp_config *held_config_get(const struct held_config *held);

#endif
