/* The verdict: every rule looks at the result and leaves findings; the verdict, the exit code and
 * the summary follow from the findings and from nothing else. What was judged by is kept in the
 * result as JSON, so that an audit can judge again and must come to the same. */
#ifndef CICADA_ANALYSIS_JUDGE_H
#define CICADA_ANALYSIS_JUDGE_H

#include "analysis/thresholds.h"
#include "base/error.h"
#include "metrics/result.h"
#include "monitor/alert.h"

/* How a run came to its end, apart from its verdict. */
enum run_end {
    RUN_COMPLETED,
    RUN_ABORTED,     /* an abort_on expression held */
    RUN_TARGET_LOST, /* could not be reached, or stopped answering for good */
    RUN_INTERRUPTED, /* by a signal */
    RUN_UNUSABLE,    /* the plan asks for what the target does not have */
    RUN_BROKEN       /* by a failure of cicada or its machine */
};
const char *run_end_name(enum run_end end); /* "completed", "aborted", ... */

struct judge_options {
    const struct judge_threshold *thresholds;
    size_t threshold_count;
    uint32_t minimum_sample; /* operations each operation of a mix should get; 0: no such wish */
    enum run_end ended_by;
    struct alert_rule alerts[ALERT_RULES_LIMIT]; /* what raises events; none: no event */
    size_t alert_count;
};

/* Replace the findings, alerts, recommendations, verdict, readiness, summary, exit code and
 * `judging` of the result. -1 when memory is out. */
int judge_result(struct result *result, const struct judge_options *options);

/* The options as JSON (result->judging) and back. Read options own their thresholds. */
json_t *judge_options_to_json(const struct judge_options *options);
int judge_options_from_json(struct judge_options *options, const json_t *json, struct error *error);
void judge_options_free(struct judge_options *options); /* of judge_options_from_json only */

/* The verdict of the findings: fail before inconclusive before pass. Passing takes a threshold or
 * another rule that could have failed: nothing but coverage and information is information. */
enum verdict judge_verdict(const struct result *result);
int judge_exit_code(enum verdict verdict, enum run_end ended_by);

#endif
