/* What cicada brings itself when it is not given: burrow, where no target is; a redis-server, where
 * no Redis is; and a folder for what needs one. All of it is gone when the run is over, however it
 * ends. */
#ifndef CICADA_CICADA_EMBEDDED_H
#define CICADA_CICADA_EMBEDDED_H

#include "base/error.h"
#include "drivers/target_options.h"

/* Start what `target` (embedded, with its driver set) needs, and fill its url. ERROR_TARGET says
 * what is missing: a program, or room for the folder. */
int embedded_start(struct target_options *target, struct error *error);

/* End what was started and remove the folder. Harmless when nothing was. */
void embedded_stop(void);

/* The same from a signal handler, at once. */
void embedded_abandon(void);

#endif
