/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t uid;
	uint64_t *words; /* of all cells; NULL until the row is first met */
};

struct account {
	struct entry *rows;
	uint32_t rows_nr;
};

struct ledger {
	size_t accounts_nr; /* one a metric */
	struct account *accounts;
};

int ledger_reserve(struct ledger *ledger, const struct snp_snapshot *snap)
{
	size_t nr = snp_snapshot_metrics_nr(snap);
	struct account *accounts;

	if (nr <= ledger->accounts_nr)
		return 0;
	accounts = reallocarray(ledger->accounts, nr, sizeof(*accounts));
	if (!accounts)
		return -ENOMEM;
	memset(accounts + ledger->accounts_nr, 0,
	       (nr - ledger->accounts_nr) * sizeof(*accounts));
	ledger->accounts = accounts;
	ledger->accounts_nr = nr;
	return 0;
}

int ledger_create(const struct snp_snapshot *snap, struct ledger **ret_ledger)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r = ledger ? ledger_reserve(ledger, snap) : -ENOMEM;

	if (r < 0)
		ledger_destroy(&ledger);
	else
		*ret_ledger = ledger;
	return r;
}

void ledger_destroy(struct ledger **ledger)
{
	if (!*ledger)
		return;
	for (size_t i = 0; i < (*ledger)->accounts_nr; i++) {
		struct account *account = &(*ledger)->accounts[i];

		for (uint32_t row = 0; row < account->rows_nr; row++)
			free(account->rows[row].words);
		free(account->rows);
	}
	free((*ledger)->accounts);
	free(*ledger);
	*ledger = NULL;
}

static struct entry *entry_of(struct account *account, uint32_t row)
{
	struct entry *rows;
	uint32_t nr;

	if (row >= account->rows_nr) {
		nr = row + row / 2 + 1;
		rows = reallocarray(account->rows, nr, sizeof(*rows));
		if (!rows)
			return NULL;
		memset(rows + account->rows_nr, 0,
		       (nr - account->rows_nr) * sizeof(*rows));
		account->rows = rows;
		account->rows_nr = nr;
	}
	return &account->rows[row];
}

uint64_t *ledger_words(struct ledger *ledger, size_t metric,
		       const struct snp_snapshot *snap, const struct snp_series *series,
		       uint32_t nr)
{
	struct entry *entry = entry_of(&ledger->accounts[metric], series->row);
	const struct snp_row *row =
	    snp_snapshot_row(snap, series->metric->row_kind, series->row);
	uint64_t uid = row ? row->uid : 0; /* the process itself is no row */

	if (!entry)
		return NULL;
	if (!entry->words) {
		entry->words =
		    calloc((size_t)series->metric->cells * nr, sizeof(*entry->words));
		if (!entry->words)
			return NULL;
		entry->uid = uid;
	}
	if (entry->uid != uid) {
		memset(entry->words, 0,
		       (size_t)series->metric->cells * nr * sizeof(*entry->words));
		entry->uid = uid;
	}
	return entry->words + (size_t)series->cell * nr;
}
