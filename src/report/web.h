/* The live page (--ui web): the run in a browser on this machine, while it goes on. It is told of
 * the run once a second, on the coordinator's thread, from what that has merged anyway; a thread of
 * its own serves the page. The workers know nothing of it. */
#ifndef CICADA_REPORT_WEB_H
#define CICADA_REPORT_WEB_H

#include "base/error.h"
#include "engine/engine.h"

struct web;

/* Serve the page. `plan` must outlive it. NULL with an error. */
struct web *web_open(const struct plan *plan, struct error *error);
/* Where it is; whoever has this may look, and end the run. */
const char *web_url(const struct web *web);

/* A repetition (from 0) begins. Fills `observer`, which hands everything on to `next` (may be NULL)
 * first. The button of the page sets *interrupted, as Ctrl-C does; until web_ran. */
void web_begin(struct web *web, unsigned repetition, atomic_bool *interrupted,
               const struct engine_observer *next, struct engine_observer *observer);
/* The engine is done: there is nothing to stop any more. */
void web_ran(struct web *web);
/* The run is judged: the page says how it ended and keeps the rest. `path`: where the result
 * is; `more`: another repetition follows. */
void web_end(struct web *web, const struct result *result, const char *path, bool more);

/* Give the page what it has not read yet, and end. Harmless on NULL. */
void web_close(struct web *web);

#endif
