/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - a doubly linked list through the objects in it; every operation is O(1).
 *
 * A node that is in no list points to itself, so taking it out twice is harmless.
 * One thread at a time.
 */
#ifndef SNAKEPIT_RUNTIME_LIST_H
#define SNAKEPIT_RUNTIME_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* The object that has `node` as its `member`. */
#define list_entry(node, type, member)                                                 \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *node)
{
	node->next = node->prev = node;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline bool list_has(const struct list *node)
{
	return node->next != node;
}

/* Put `node`, which is in no list, before `at`. */
static inline void list_insert(struct list *at, struct list *node)
{
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_add_first(struct list *list, struct list *node)
{
	list_insert(list->next, node);
}

static inline void list_add_last(struct list *list, struct list *node)
{
	list_insert(list, node);
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* NULL: the list is empty. */
static inline struct list *list_first(const struct list *list)
{
	return list->next == list ? NULL : list->next;
}

#endif
