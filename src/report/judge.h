/* From a plan to a verdict: hands the analysis, which knows no plan, what a plan asks for. */
#ifndef CICADA_REPORT_JUDGE_H
#define CICADA_REPORT_JUDGE_H

#include "base/error.h"
#include "metrics/result.h"
#include "plan/plan.h"

#include <stdbool.h>

/* Fill findings, verdict, summary, exit_code and judging. `failure` is what engine_run came back
 * with, NULL when it returned 0. -1 when memory is out. */
int result_judge(struct result *result, const struct plan *plan, const struct error *failure,
                 bool interrupted);

#endif
