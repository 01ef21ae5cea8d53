/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advice.h - commands for people to run: this program never runs one.
 *
 * Names come from a file that others wrote. What a shell would not take as a plain
 * word is quoted, and what a terminal must not see is left out. Pure.
 */
#ifndef SNP_TOP_ADVICE_H
#define SNP_TOP_ADVICE_H

#include "frame.h"

/* Room for a command with the longest names there can be, each character of them
 * quoted: one that was cut would be another command. */
#define TOP_ADVICE_BYTES 1024

/* `word` as one word of a POSIX shell. What does not fit is cut. */
void top_advice_word(char out[TOP_ADVICE_BYTES], const char *word);

/* "$ snakepit VERB -n INSTANCE REST", `rest` as it is, "" for none. */
void top_advice_snakepit(char out[TOP_ADVICE_BYTES], const struct top_frame *frame,
			 const char *verb, const char *rest);

/* "$ snakepit events ..." of one slot. */
void top_advice_events(char out[TOP_ADVICE_BYTES], const struct top_frame *frame,
		       const char *pool, uint32_t slot);

/* "pool/slot" as one word. */
void top_advice_worker(char out[TOP_ADVICE_BYTES], const char *pool, uint32_t slot);

#endif
