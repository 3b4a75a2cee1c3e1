/* JUnit XML, as Jenkins, GitLab and the actions of GitHub read it: each finding is a test case. One
 * that failed is a failure; one that could not be decided is an error, since a build must not take
 * it for passed; one that only informs is skipped, with what it says. */
#include "base/clock.h"
#include "report/form_escape.h"
#include "report/form_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIGURES_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS | JSON_REAL_PRECISION(12))

static const char *const elements[] = {[VERDICT_PASS] = NULL,
                                       [VERDICT_FAIL] = "failure",
                                       [VERDICT_INCONCLUSIVE] = "error",
                                       [VERDICT_INFORMATION] = "skipped"};

static unsigned count_verdict(const struct result *result, enum verdict verdict)
{
    unsigned count = 0;
    for (size_t i = 0; i < result->finding_count; i++)
        count += result->findings[i].verdict == verdict;
    return count;
}

static void write_attribute(FILE *file, const char *name, const char *value)
{
    fprintf(file, " %s=\"", name);
    escape_xml(file, value);
    fputc('"', file);
}

static void write_counts(FILE *file, const struct result *result)
{
    fprintf(file, " tests=\"%zu\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\"",
            result->finding_count, count_verdict(result, VERDICT_FAIL),
            count_verdict(result, VERDICT_INCONCLUSIVE), count_verdict(result, VERDICT_INFORMATION),
            (double)result->duration_ns / (double)NS_PER_S);
}

static void write_property(FILE *file, const char *name, const char *value)
{
    if (!value)
        return;
    fputs("      <property", file);
    write_attribute(file, "name", name);
    write_attribute(file, "value", value);
    fputs("/>\n", file);
}

static void write_properties(FILE *file, const struct result *result)
{
    const char *key;
    json_t *value;
    fputs("    <properties>\n", file);
    write_property(file, "cicada.version", result->cicada_version);
    write_property(file, "cicada.verdict", verdict_name(result->verdict));
    write_property(file, "cicada.readiness", readiness_name(result->readiness));
    if (result->partial)
        write_property(file, "cicada.partial",
                       result->partial_reason ? result->partial_reason : "yes");
    for (size_t t = 0; t < result->target_count; t++) {
        write_property(file, "target", result->targets[t].address);
        write_property(file, "target.description", result->targets[t].description);
    }
    json_object_foreach(result->tags, key, value) if (json_is_string(value))
        write_property(file, key, json_string_value(value));
    fputs("    </properties>\n", file);
}

static int write_figures(FILE *file, const struct finding *finding)
{
    if (!finding->figures)
        return 0;
    char *text = json_dumps(finding->figures, FIGURES_FLAGS);
    if (!text)
        return -1;
    fputs("&#10;figures: ", file);
    escape_xml(file, text);
    free(text);
    return 0;
}

static int write_evidence(FILE *file, const struct finding *finding)
{
    escape_xml(file, finding->text);
    fprintf(file, "&#10;sample: %" PRIu64, finding->sample);
    if (finding->threshold) {
        fputs("&#10;threshold: ", file);
        escape_xml(file, finding->threshold);
    }
    return write_figures(file, finding);
}

static int write_case(FILE *file, const struct finding *finding)
{
    const char *element = elements[finding->verdict];
    fputs("    <testcase", file);
    fputs(" classname=\"cicada.", file);
    escape_xml(file, finding->rule);
    fputs("\" name=\"", file);
    escape_xml(file, finding->subject && *finding->subject ? finding->subject : finding->rule);
    if (finding->threshold && strcmp(finding->rule, "threshold") == 0) {
        fputc(' ', file);
        escape_xml(file, finding->threshold);
    }
    fputs("\" time=\"0\">\n      <", file);
    fputs(element ? element : "system-out", file);
    if (element)
        write_attribute(file, "message", finding->text);
    if (element && finding->verdict != VERDICT_INFORMATION)
        write_attribute(file, "type", verdict_name(finding->verdict));
    fputc('>', file);
    int status = write_evidence(file, finding);
    fprintf(file, "</%s>\n    </testcase>\n", element ? element : "system-out");
    return status;
}

/* Failures as the server gave them, for the one who reads the build's log. */
static void write_examples(FILE *file, const struct result *result)
{
    for (size_t i = 0; i < result->example_count; i++) {
        const struct example *example = &result->examples[i];
        if (example->outcome.kind == OUTCOME_OK)
            continue;
        escape_xml(file, outcome_kind_name(example->outcome.kind));
        if (example->outcome.code)
            fprintf(file, " %d", (int)example->outcome.code);
        fputs(": ", file);
        escape_xml(file, example->text ? example->text : example->outcome.detail);
        if (example->repeat) {
            fputs("&#10;  ", file);
            escape_xml(file, example->repeat);
        }
        fputs("&#10;", file);
    }
}

int form_junit(FILE *file, const struct result *result)
{
    char started[32] = "";
    struct tm tm;
    time_t seconds = (time_t)(result->started_wall_ns / NS_PER_S);
    if (gmtime_r(&seconds, &tm))
        strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%S", &tm);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"cicada\"", file);
    write_counts(file, result);
    fputs(">\n  <testsuite", file);
    write_attribute(file, "name", result->plan_name ? result->plan_name : "plan");
    write_counts(file, result);
    write_attribute(file, "timestamp", started);
    write_attribute(file, "hostname", result->host ? result->host : "localhost");
    fputs(">\n", file);
    write_properties(file, result);
    for (size_t i = 0; i < result->finding_count; i++)
        if (write_case(file, &result->findings[i]) < 0)
            return -1;
    fputs("    <system-out>", file);
    escape_xml(file, result->summary);
    fputs("</system-out>\n    <system-err>", file);
    write_examples(file, result);
    fputs("</system-err>\n  </testsuite>\n</testsuites>\n", file);
    return 0;
}
