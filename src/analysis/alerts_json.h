/* Alert rules as JSON and back: they are kept in `judging`, so that the alerts of a stored run can
 * be derived again. */
#ifndef CICADA_ANALYSIS_ALERTS_JSON_H
#define CICADA_ANALYSIS_ALERTS_JSON_H

#include "base/error.h"
#include "monitor/alert.h"

#include <jansson.h>

json_t *alert_rules_to_json(const struct alert_rule *rules, size_t count); /* NULL: no memory */
/* Room for ALERT_RULES_LIMIT. ERROR_USAGE names the place: "judging.alerts[2]: ...". */
int alert_rules_from_json(struct alert_rule *rules, size_t *count, const json_t *array,
                          struct error *error);

#endif
