/* SPDX-License-Identifier: Apache-2.0 */
#include "packer.h"

#include <string.h>

enum packer_verdict packer_add(struct packer *packer, const char *record, size_t len)
{
	size_t newline = packer->len > 0;

	if (len > packer->max_bytes)
		return PACKER_TOO_LONG;
	if (len > packer->max_bytes - packer->len ||
	    newline > packer->max_bytes - packer->len - len)
		return PACKER_FULL;
	if (newline)
		packer->data[packer->len++] = '\n';
	memcpy(packer->data + packer->len, record, len);
	packer->len += len;
	return PACKER_TAKEN;
}
