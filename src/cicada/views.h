/* Who is told of a run while it goes on: the terminal, the whole screen, the live page, a receiver
 * of metrics. Each hands the observer's calls on to the one before. */
#ifndef CICADA_CICADA_VIEWS_H
#define CICADA_CICADA_VIEWS_H

#include "cicada/otlp.h"
#include "plan/options.h"
#include "report/terminal.h"
#include "report/tui.h"
#include "report/web.h"

struct views { /* must not move between begin and end */
    struct terminal terminal;
    struct tui *tui;
    struct web *web; /* of all repetitions; NULL without --ui web */
    struct otlp *otlp;
    struct engine_observer observer; /* the engine's */
};

/* Before the targets are opened: the page, if it is asked for, and its URL on stderr. */
int views_open(struct views *views, const struct run_options *options, const struct plan *plan,
               struct error *error);
/* A repetition (from 0) begins; a view may set *interrupted. -1: nothing was begun. */
int views_begin(struct views *views, const struct run_options *options, const struct plan *plan,
                unsigned repetition, atomic_bool *interrupted, struct error *error);
/* The engine is done: the terminal is as it was. */
void views_ran(struct views *views);
/* The run is judged and written to `path` (NULL: nowhere). `more`: another repetition follows. */
void views_end(struct views *views, const struct result *result, const char *path, bool more);
void views_close(struct views *views); /* harmless when never opened */

#endif
