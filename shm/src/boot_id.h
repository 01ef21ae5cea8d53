/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNP_SHM_BOOT_ID_H
#define SNP_SHM_BOOT_ID_H

#include <stdint.h>

/* The kernel's boot id as 16 bytes; -ENOENT where it cannot be read. */
int snp__boot_id(uint8_t ret_id[16]);

#endif
