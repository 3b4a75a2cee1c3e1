/* Alerts as sentences, the same on the terminal and in every report. */
#ifndef CICADA_ANALYSIS_ALERT_TEXT_H
#define CICADA_ANALYSIS_ALERT_TEXT_H

#include "metrics/result.h"

#define ALERT_TEXT_SIZE 400

/* "high_error_rate on here in phase peak, 4s to 9s: error rate up to 35.0%, limit 2.00%; 5 windows,
 * 612 operations". Returns `text`. */
const char *alert_describe(const struct result *result, const struct alert *alert, char *text,
                           size_t size);
/* While it goes on: that it began ("... since 4s: error rate 20.0%, limit 2.00%"), or is over. */
const char *alert_describe_live(const struct result *result, const struct alert *alert, bool began,
                                char *text, size_t size);

#endif
