/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_table.h - calls that tests/lib/fault_preload.c lets fail, and how each fails.
 *
 * X(name, what it returns then, errno; 0: it sets none). A name that ends in _chk is
 * what the compiler makes of the other under _FORTIFY_SOURCE. What programs import and
 * is neither here nor in the table of tests/faults/harmless.py fails a test there.
 */
#ifndef SNP_TEST_FAULT_TABLE_H
#define SNP_TEST_FAULT_TABLE_H

#include <errno.h>
#include <netdb.h>
#include <regex.h>

/* Integers and pointers only, six at most: one wrapper fits all. */
#define FAULT_TABLE(X)                                                                 \
	/* memory */                                                                   \
	X(malloc, 0, ENOMEM)                                                           \
	X(calloc, 0, ENOMEM)                                                           \
	X(realloc, 0, ENOMEM)                                                          \
	X(reallocarray, 0, ENOMEM)                                                     \
	X(strdup, 0, ENOMEM)                                                           \
	X(strndup, 0, ENOMEM)                                                          \
	X(mmap, -1, ENOMEM)                                                            \
	X(madvise, -1, EINVAL)                                                         \
	X(memfd_create, -1, EMFILE)                                                    \
	X(newlocale, 0, ENOMEM)                                                        \
	X(regcomp, REG_ESPACE, 0)                                                      \
	/* files */                                                                    \
	X(open, -1, EMFILE)                                                            \
	X(fopen, 0, EMFILE)                                                            \
	X(open_memstream, 0, ENOMEM)                                                   \
	X(fdopen, 0, ENOMEM)                                                           \
	X(opendir, 0, EMFILE)                                                          \
	X(scandir, -1, ENOMEM)                                                         \
	X(read, -1, EIO)                                                               \
	X(__read_chk, -1, EIO)                                                         \
	X(pread, -1, EIO)                                                              \
	X(__pread_chk, -1, EIO)                                                        \
	X(write, -1, ENOSPC)                                                           \
	X(sendfile, -1, EIO)                                                           \
	X(fflush, -1, ENOSPC)                                                          \
	X(fcntl, -1, ENOLCK)                                                           \
	X(fstat, -1, EIO)                                                              \
	X(stat, -1, EIO)                                                               \
	X(lstat, -1, EIO)                                                              \
	X(statfs, -1, EIO)                                                             \
	X(access, -1, EIO)                                                             \
	X(readlink, -1, EIO)                                                           \
	X(__readlink_chk, -1, EIO)                                                     \
	X(__realpath_chk, 0, ENOMEM)                                                   \
	X(realpath, 0, ENOMEM)                                                         \
	X(lseek, -1, EIO)                                                              \
	X(ftruncate, -1, ENOSPC)                                                       \
	X(fsync, -1, EIO)                                                              \
	X(mkdir, -1, EACCES)                                                           \
	X(mkostemp, -1, EMFILE)                                                        \
	X(unlink, -1, EIO)                                                             \
	X(rename, -1, EIO)                                                             \
	X(dup2, -1, EMFILE)                                                            \
	X(getrandom, -1, ENOSYS)                                                       \
	X(gethostname, -1, ENAMETOOLONG)                                               \
	X(getrlimit, -1, EINVAL)                                                       \
	X(getrusage, -1, EINVAL)                                                       \
	/* terminals */                                                                \
	X(ioctl, -1, ENOTTY)                                                           \
	X(tcsetattr, -1, EIO)                                                          \
	X(tcgetattr, -1, ENOTTY)                                                       \
	X(setupterm, -1, 0)                                                            \
	X(newterm, 0, 0)                                                               \
	/* waiting, threads, processes */                                              \
	X(poll, -1, ENOMEM)                                                            \
	X(__poll_chk, -1, ENOMEM)                                                      \
	X(ppoll, -1, ENOMEM)                                                           \
	X(__ppoll_chk, -1, ENOMEM)                                                     \
	X(signalfd, -1, EMFILE)                                                        \
	X(pthread_create, EAGAIN, 0)                                                   \
	X(pipe2, -1, EMFILE)                                                           \
	X(posix_spawn_file_actions_init, ENOMEM, 0)                                    \
	X(posix_spawn_file_actions_adddup2, ENOMEM, 0)                                 \
	X(posix_spawn_file_actions_addopen, ENOMEM, 0)                                 \
	X(execv, -1, EACCES)                                                           \
	X(waitpid, -1, ECHILD)                                                         \
	X(setenv, -1, ENOMEM)                                                          \
	X(posix_spawn, EAGAIN, 0)                                                      \
	/* sockets */                                                                  \
	X(socket, -1, EMFILE)                                                          \
	X(bind, -1, EADDRINUSE)                                                        \
	X(listen, -1, EADDRINUSE)                                                      \
	X(connect, -1, ECONNREFUSED)                                                   \
	X(send, -1, ENOBUFS)                                                           \
	X(recv, -1, ECONNRESET)                                                        \
	X(__recv_chk, -1, ECONNRESET)                                                  \
	X(setsockopt, -1, ENOBUFS)                                                     \
	X(getsockopt, -1, ENOBUFS)                                                     \
	X(getsockname, -1, ENOBUFS)                                                    \
	X(getaddrinfo, EAI_MEMORY, 0)                                                  \
	/* libraries, which allocate */                                                \
	X(deflateInit2_, -4 /* Z_MEM_ERROR */, 0)                                      \
	X(inflateInit2_, -4, 0)                                                        \
	X(protobuf_c_message_unpack, 0, 0)                                             \
	X(json_loadb, 0, 0)                                                            \
	X(crypt_r, 0, ENOMEM)                                                          \
	X(yaml_parser_initialize, 0, 0)                                                \
	X(curl_global_init, 27 /* CURLE_OUT_OF_MEMORY */, 0)                           \
	X(curl_easy_init, 0, 0)                                                        \
	X(curl_easy_setopt, 27, 0)                                                     \
	X(curl_slist_append, 0, 0)                                                     \
	X(curl_multi_init, 0, 0)                                                       \
	X(curl_multi_add_handle, 3 /* CURLM_OUT_OF_MEMORY */, 0)                       \
	X(curl_multi_perform, 3, 0)                                                    \
	X(curl_multi_poll, 3, 0)                                                       \
	X(gnutls_certificate_allocate_credentials, -25 /* GNUTLS_E_MEMORY_ERROR */, 0) \
	X(gnutls_certificate_set_x509_key_mem, -25, 0)                                 \
	X(gnutls_certificate_set_x509_trust_mem, -25, 0)                               \
	X(gnutls_credentials_set, -25, 0)                                              \
	X(gnutls_priority_init, -25, 0)                                                \
	X(gnutls_priority_set, -25, 0)                                                 \
	X(gnutls_hmac, -25, 0)                                                         \
	X(gnutls_hmac_init, -25, 0)                                                    \
	X(gnutls_x509_crt_init, -25, 0)                                                \
	X(gnutls_x509_crt_import, -25, 0)                                              \
	X(MHD_create_response_from_buffer, 0, 0)                                       \
	X(MHD_create_response_from_buffer_with_free_callback_cls, 0, 0)                \
	X(MHD_add_response_header, 0, 0)                                               \
	X(MHD_queue_response, 0, 0)

/* The same, of one parameter, of calls after which what they end has ended all the
 * same. */
#define FAULT_TABLE_OF_ENDS(X)                                                         \
	X(close, -1, EIO)                                                              \
	X(closedir, -1, EIO)                                                           \
	X(fclose, -1, ENOSPC)

#endif
