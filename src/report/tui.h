/* The terminal as a whole screen (--ui tui): the phases and how far they are, the last minutes of
 * rate, latency and errors as sparklines, what fails, and what the run has to say. It draws once a
 * second, on the coordinator's thread, from what that has merged anyway: the workers know nothing
 * of it. */
#ifndef CICADA_REPORT_TUI_H
#define CICADA_REPORT_TUI_H

#include "base/error.h"
#include "engine/engine.h"

struct tui;

/* Take the screen over; fills `observer`. NULL with ERROR_USAGE when stderr is no terminal, or one
 * that ncurses does not know. `plan` must outlive it. Key q ends the run as Ctrl-C does. */
struct tui *tui_open(const struct plan *plan, struct engine_observer *observer,
                     struct error *error);
/* Give the screen back; what stood under it is there again. Harmless on NULL. */
void tui_close(struct tui *tui);
/* From a signal handler, before the process ends at once: the terminal as it was. */
void tui_abandon(void);

#endif
