/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pairing heap with intrusive nodes: adding cannot fail, takes constant time, and the
 * typical deadline that is cancelled long before it fires costs little. `link` points
 * at the one pointer that points at the node, so that removal needs no search; a timer
 * with a NULL link is not armed.
 */
#include "loop_internal.h"

static bool fires_before(const struct rpc_timer *a, const struct rpc_timer *b)
{
	if (a->deadline.ns != b->deadline.ns)
		return a->deadline.ns < b->deadline.ns;
	return a->seq < b->seq;
}

static void set_link(struct rpc_timer **link, struct rpc_timer *timer)
{
	*link = timer;
	if (timer)
		timer->link = link;
}

/* Both are roots without siblings, or NULL. The result's link is for the caller to set.
 */
static struct rpc_timer *meld(struct rpc_timer *a, struct rpc_timer *b)
{
	struct rpc_timer *top, *below;

	if (!a || !b)
		return a ? a : b;
	top = fires_before(b, a) ? b : a;
	below = top == a ? b : a;
	set_link(&below->sibling, top->child);
	set_link(&top->child, below);
	return top;
}

/* Meld a list of siblings into one tree: pairs first, then from the last pair to the
 * first. This order is what gives the heap its amortised bound. */
static struct rpc_timer *meld_all(struct rpc_timer *first)
{
	struct rpc_timer *pairs = NULL, *tree = NULL;

	while (first) {
		struct rpc_timer *a = first, *b = a->sibling;

		first = b ? b->sibling : NULL;
		a->sibling = NULL;
		if (b)
			b->sibling = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct rpc_timer *next = pairs->sibling;

		pairs->sibling = NULL;
		tree = meld(tree, pairs);
		pairs = next;
	}
	return tree;
}

void rpc__timers_add(struct rpc__timers *timers, struct rpc_timer *timer)
{
	timer->seq = timers->next_seq++;
	timer->child = NULL;
	timer->sibling = NULL;
	set_link(&timers->root, meld(timers->root, timer));
}

void rpc__timers_remove(struct rpc__timers *timers, struct rpc_timer *timer)
{
	struct rpc_timer *below = meld_all(timer->child);

	set_link(timer->link, timer->sibling);
	timer->link = NULL;
	timer->child = NULL;
	timer->sibling = NULL;
	set_link(&timers->root, meld(timers->root, below));
}

void rpc__timers_fire(struct rpc__timers *timers, snp_mono_t now)
{
	struct rpc_timer **tail = &timers->due;

	while (timers->root && timers->root->deadline.ns <= now.ns) {
		struct rpc_timer *timer = timers->root;

		rpc__timers_remove(timers, timer);
		set_link(tail, timer);
		tail = &timer->sibling;
	}
	while (timers->due) {
		struct rpc_timer *timer = timers->due;

		set_link(&timers->due, timer->sibling);
		timer->sibling = NULL;
		timer->link = NULL;
		timer->fn(timer);
	}
}
