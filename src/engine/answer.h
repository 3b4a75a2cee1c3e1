/* What a plan asks of an answer: values captured for later steps, and checks. */
#ifndef CICADA_ENGINE_ANSWER_H
#define CICADA_ENGINE_ANSWER_H

#include "base/outcome.h"
#include "base/template.h"
#include "plan/plan.h"

/* The value an RFC 6901 pointer leads to in `document`; borrowed; NULL when there is none. */
const json_t *json_pointer_get(const json_t *document, const char *pointer);

/* Apply the captures and checks of a step to the answer's text. The pointers start at the result:
 * of a JSON-RPC message that is its `result`, else the whole text. Captured values are put in
 * `values` by name. False when a check does not hold or a capture finds nothing: *outcome is then
 * OUTCOME_CHECK_FAILED and `problem` says which. */
bool answer_apply(const struct step *step, const char *response, size_t length,
                  struct template_value *values, size_t value_count, struct outcome *outcome,
                  char *problem, size_t problem_size);

static inline bool answer_is_wanted(const struct step *step)
{
    return step && (step->capture_count || step->check_count);
}

#endif
