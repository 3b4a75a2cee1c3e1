/* Ctrl-C and SIGTERM. The first ends what is under way in an orderly way: a run with a partial
 * result, the opening of targets by taking back what was made of them. The second ends the process
 * at once. What we brought ourselves is gone in every case. */
#ifndef CICADA_CICADA_SIGNALS_H
#define CICADA_CICADA_SIGNALS_H

#include "engine/engine.h"

void signals_catch(void);
/* What the first signal ends from now on; NULL: nothing runs. One that came before ends it too. */
void signals_end(struct engine *engine);

#endif
