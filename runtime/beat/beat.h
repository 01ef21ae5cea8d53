/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat.h - libsnakepit-beat.so: a thread in a worker process that needs no interpreter.
 *
 * It tells that the process runs (the page, beat_page.h) and ends the process when the
 * runtime is gone (the lifeline), also while Python computes under its interpreter lock
 * or waits for it for ever.
 *
 * Python loads the library with ctypes, so this header is an ABI: libc only, plain
 * integers, one function. If its meaning ever has to change, it gets another name; a
 * caller that does not find the name it knows does without the thread.
 *
 * After fork() the child has no such thread and nothing is written there: it does not
 * beat for its parent, and cannot start to.
 */
#ifndef SNAKEPIT_BEAT_H
#define SNAKEPIT_BEAT_H

/*
 * Start the thread: once a process, from any thread. Both descriptors stay the
 * caller's.
 *
 * page_fd      a memfd sealed against shrinking that begins with a page (beat_page.h),
 *              which says how often to beat; -1: none. It may be closed afterwards.
 * lifeline_fd  a pipe or socket whose other end only the runtime holds; -1: none. It
 *              must stay open: a descriptor that is closed or replaced is not watched
 *              any longer. When the other end is closed, SIGKILL goes to the process
 *              group if this process leads it, else to this process alone.
 *
 * Returns 0, or a negative errno and no thread: -EBADF, one is not open; -EPERM, the
 * page could shrink under the thread; -EBADMSG, it is not a page; -EALREADY, there was
 * a start before, perhaps in a parent of this process; else what mmap or
 * pthread_create said. After a failure it may be tried again.
 */
__attribute__((visibility("default"))) int snp_beat_start(int page_fd, int lifeline_fd);

#endif
