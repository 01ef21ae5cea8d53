/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int otlp_ledger_init(struct otlp_ledger *ledger, size_t instruments)
{
	*ledger = (struct otlp_ledger){.counts_nr = instruments};
	ledger->counts = calloc(instruments ? instruments : 1, sizeof(*ledger->counts));
	return ledger->counts ? 0 : -ENOMEM;
}

void otlp_ledger_fini(struct otlp_ledger *ledger)
{
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		free(ledger->rows[kind].list);
	for (size_t i = 0; ledger->counts && i < ledger->counts_nr; i++)
		free(ledger->counts[i].words);
	free(ledger->counts);
	*ledger = (struct otlp_ledger){0};
}

int otlp_ledger_rows(struct otlp_ledger *ledger, unsigned kind, uint32_t nr)
{
	uint32_t had = ledger->rows[kind].nr;
	struct otlp_ledger_row *list;

	if (nr <= had)
		return 0;
	list = reallocarray(ledger->rows[kind].list, nr, sizeof(*list));
	if (!list)
		return -ENOMEM;
	memset(list + had, 0, (nr - had) * sizeof(*list));
	ledger->rows[kind].list = list;
	ledger->rows[kind].nr = nr;
	return 0;
}

int otlp_ledger_counts(struct otlp_ledger *ledger, size_t instrument, size_t block,
		       uint32_t rows)
{
	struct otlp_ledger_counts *counts = &ledger->counts[instrument];
	size_t had = counts->words ? (counts->rows + (size_t)1) * block : 0;
	size_t need = (rows + (size_t)1) * block;
	uint64_t *words;

	if (need <= had)
		return 0;
	words = reallocarray(counts->words, need, sizeof(*words));
	if (!words)
		return -ENOMEM;
	memset(words + had, 0, (need - had) * sizeof(*words));
	counts->words = words;
	counts->block = block;
	counts->rows = rows;
	return 0;
}

void otlp_ledger_move(struct otlp_ledger *to, size_t instrument,
		      struct otlp_ledger *from, size_t instrument_from)
{
	to->counts[instrument] = from->counts[instrument_from];
	from->counts[instrument_from] = (struct otlp_ledger_counts){0};
}

void otlp_ledger_move_rows(struct otlp_ledger *to, struct otlp_ledger *from)
{
	memcpy(to->rows, from->rows, sizeof(to->rows));
	memset(from->rows, 0, sizeof(from->rows));
}

void otlp_ledger_copy(struct otlp_ledger *to, const struct otlp_ledger *from)
{
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		if (from->rows[kind].nr > 0)
			memcpy(to->rows[kind].list, from->rows[kind].list,
			       from->rows[kind].nr * sizeof(*from->rows[kind].list));
	for (size_t i = 0; i < from->counts_nr; i++) {
		const struct otlp_ledger_counts *counts = &from->counts[i];

		if (counts->words)
			memcpy(to->counts[i].words, counts->words,
			       (counts->rows + (size_t)1) * counts->block *
				   sizeof(*counts->words));
	}
}

uint64_t *otlp_ledger_of(const struct otlp_ledger *ledger, size_t instrument,
			 uint32_t row)
{
	const struct otlp_ledger_counts *counts = &ledger->counts[instrument];

	return row < counts->rows ? counts->words + (row + (size_t)1) * counts->block
				  : NULL;
}
