/* See readiness.h. */
#include "analysis/readiness.h"

#include <stdio.h>

enum readiness readiness_of(const struct result *result)
{
    if (result->verdict == VERDICT_FAIL)
        return READINESS_NOT_READY;
    if (result->verdict != VERDICT_PASS)
        return READINESS_INCONCLUSIVE;
    return result->alert_count || result->recommendation_count ? READINESS_READY_WITH_FINDINGS
                                                               : READINESS_READY;
}

static size_t count_verdict(const struct result *result, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < result->finding_count; i++)
        count += result->findings[i].verdict == verdict;
    return count;
}

const char *readiness_reason(const struct result *result, char *text, size_t size)
{
    size_t failed = count_verdict(result, VERDICT_FAIL);
    size_t undecided = count_verdict(result, VERDICT_INCONCLUSIVE);
    char beside[80] = "";
    if (result->alert_count || result->recommendation_count)
        snprintf(beside, sizeof beside, ", with %zu alert%s and %zu recommendation%s",
                 result->alert_count, result->alert_count == 1 ? "" : "s",
                 result->recommendation_count, result->recommendation_count == 1 ? "" : "s");
    if (result->verdict == VERDICT_FAIL)
        snprintf(text, size, "%zu finding%s failed%s", failed, failed == 1 ? "" : "s", beside);
    else if (result->verdict == VERDICT_INCONCLUSIVE)
        snprintf(text, size, "%zu finding%s could not be decided%s", undecided,
                 undecided == 1 ? "" : "s", beside);
    else if (result->verdict == VERDICT_INFORMATION)
        snprintf(text, size, "no threshold was given%s", beside);
    else
        snprintf(text, size, "passed%s", *beside ? beside : ", without an alert");
    return text;
}
