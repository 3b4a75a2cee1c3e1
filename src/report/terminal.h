/* The terminal: a live line per second while a run goes on, and the summary at its end.
 *
 * Live: on a terminal one line is rewritten each second, and stays with the phase's figures when
 * the phase ends; elsewhere it is one log line per second. It goes to stderr, the summary to
 * stdout, so that `cicada run ... > summary.txt` still shows its progress. */
#ifndef CICADA_REPORT_TERMINAL_H
#define CICADA_REPORT_TERMINAL_H

#include "engine/engine.h"
#include "metrics/result.h"
#include "report/text.h"

#include <stdbool.h>
#include <stdio.h>

struct terminal {
    FILE *stream;
    struct terminal_style style;
    bool rewrites;   /* one line, rewritten */
    bool line_shown; /* it stands there, without a newline */
    const struct plan *plan;
};

/* `ui` as in --ui: "auto" (or NULL) rewrites on a terminal, "plain" never does, "off" is silent.
 * Fills `observer`, whose context is the terminal; nothing is allocated. */
void terminal_init(struct terminal *terminal, const struct plan *plan, const char *ui,
                   struct engine_observer *observer);
void terminal_finish(struct terminal *terminal); /* ends the line that stands there, if any */

/* The summary: phases, tools, errors, parts of the latency, coverage, the generator, findings, and
 * last the verdict and where the result is (`path`, NULL: nowhere). As wide as the terminal, 80 to
 * 120. */
void terminal_print_summary(FILE *stream, const struct result *result, const char *path);

#endif
