/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mailbox.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box, struct snp_err *err)
{
	atomic_init(&box->newest, NULL);
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return box->fd < 0 ? snp_err_errno(err, "cannot create an eventfd") : 0;
}

void mailbox_fini(struct mailbox *box)
{
	if (box->fd >= 0)
		close(box->fd);
	box->fd = -1;
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
	struct mail *next = atomic_load_explicit(&box->newest, memory_order_relaxed);
	const uint64_t one = 1;

	do
		mail->next = next;
	/* Release: the poster's writes. Partner: the exchange in mailbox_drain(). */
	while (!atomic_compare_exchange_weak_explicit(
	    &box->newest, &next, mail, memory_order_release, memory_order_relaxed));
	/* A full counter still is readable, so a failed write loses nothing. */
	if (!next && write(box->fd, &one, sizeof(one)) < 0)
		return;
}

void mailbox_drain(struct mailbox *box)
{
	struct mail *mail, *oldest = NULL, *next;
	uint64_t count;

	/* Reset the counter before taking the mail: what comes later raises it again.
	 */
	if (read(box->fd, &count, sizeof(count)) < 0)
		count = 0;
	mail = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
	for (; mail; mail = next) { /* newest first: turn it round */
		next = mail->next;
		mail->next = oldest;
		oldest = mail;
	}
	for (mail = oldest; mail; mail = next) {
		next = mail->next; /* fn may free or repost the mail */
		mail->fn(mail);
	}
}
