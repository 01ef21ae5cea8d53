/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a configuration asks of its machine, for those who look beforehand.
 *
 * `snakepit doctor` checks what is told here against what is there, so that it judges
 * by what the runtime would do and not by a guess of its own. One thread, no state.
 */
#ifndef SNAKEPIT_RUNTIME_PLAN_H
#define SNAKEPIT_RUNTIME_PLAN_H

#include <stdio.h>

#include "config/config.h"
#include "snakepit/err.h"

/* Write a line for each thing that is needed, name and value with a blank between:
 * instance, dir, disk (1: need not be in memory), segment (bytes), descriptors and
 * tasks (of the runtime; of all together), listen (each), prometheus and otlp (where
 * they are started: what they listen on, where they send), pool (each: its name, and
 * whether plan_import() can tell something of it). Resolves `cfg`
 * (snp_config_resolve_dir). */
int plan_print(struct snp_config *cfg, FILE *out, struct snp_err *err);

/* Become the interpreter of the pool's workers, with their environment, to import the
 * adapter and leave: status 0, or 1 with what is wrong on standard error. Returns only
 * on failure; -ENOENT: no such pool. */
int plan_import(const struct snp_config *cfg, const char *pool, struct snp_err *err);

#endif
