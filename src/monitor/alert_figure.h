/* What the alert rules look at: the figure of a window, and the baseline of a level of load. */
#ifndef CICADA_MONITOR_ALERT_FIGURE_H
#define CICADA_MONITOR_ALERT_FIGURE_H

#include "monitor/alert.h"

/* The figure, and for a ratio what it is taken against (else 0). False when the window says
 * nothing: too small a sample, no baseline, not a tier. */
bool alert_figure(enum alert_metric metric, const struct alert_window *window,
                  const struct alert_baseline *baseline, double *value, double *base);

/* True when the window begins another level of load, which empties the baseline: it belongs to
 * none. A window that is not whole turns nothing. */
bool alert_baseline_turn(struct alert_baseline *baseline, const struct alert_window *window);
void alert_baseline_add(struct alert_baseline *baseline, const struct alert_window *window);

#endif
