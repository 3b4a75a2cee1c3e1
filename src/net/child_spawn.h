/* Starting a process with pipes on its three standard descriptors. Internal to src/net. */
#ifndef CICADA_NET_CHILD_SPAWN_H
#define CICADA_NET_CHILD_SPAWN_H

#include "base/error.h"

#include <sys/types.h>

/* argv[0] is looked up in PATH; `environment` ("K=V", NULL-ended, may be NULL) is put over ours.
 * The process leads a group of its own and has default signal handling. `ours` gets our
 * non-blocking ends of its stdin, stdout and stderr. -1 with ERROR_TARGET and the reason, *pid
 * being 0 then. */
int spawn_with_pipes(pid_t *pid, char *const argv[], char *const environment[], int ours[3],
                     struct error *error);

#endif
