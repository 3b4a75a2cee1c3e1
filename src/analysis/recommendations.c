/* See recommendations.h. One table: a rule, when its finding calls for something, and the text with
 * places for the figures. */
#include "analysis/recommendations.h"

#include "analysis/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILED      (1u << VERDICT_FAIL)
#define UNDECIDED   (1u << VERDICT_INCONCLUSIVE)
#define INFORMATION (1u << VERDICT_INFORMATION)

enum condition { ALWAYS, IS_TRUE, IS_FALSE, ABOVE, AT_LEAST, AT_MOST };

/* The first row whose verdict, condition and figures are all there is the one.
 *
 * Places: {path:unit}, a path of members and indexes into the figures, in one of the units ns,
 * share, change, rate, bytes, count, number, text; {subject}, {threshold}, {text} and {sample} of
 * the finding. */
static const struct row {
    const char *rule;
    unsigned verdicts;
    const char *figure; /* of the condition */
    enum condition condition;
    double limit;
    const char *text;
} rows[] = {
    {"threshold", FAILED, "recall", AT_LEAST, 0,
     "{subject} is {recall:number} over {sample} searches, asked for {threshold}: let each search "
     "look further (nprobe of an IVF index, ef of an HNSW one), or build the index finer (more "
     "links, training on vectors like these); the latencies of this run are those of wrong "
     "answers"},
    {"threshold", UNDECIDED, "recall", AT_LEAST, 0,
     "{subject} lies between {low:number} and {high:number} over {sample} searches, and "
     "{threshold} is in between: run more searches, on more workers, for a larger sample"},
    {"threshold", FAILED, "failed", ABOVE, 0,
     "{subject} is {error_rate:share} ({failed:count} of {finished:count} operations), limit "
     "{threshold}: the table of failures names the kinds, with a command that repeats each; mend "
     "the most frequent first"},
    {"threshold", FAILED, "rate_per_s", AT_LEAST, 0,
     "{subject} is {rate_per_s:rate} over {sample} operations, asked for {threshold}: if the "
     "target was busy it needs more room; if not, offer more load (users, or a higher rate)"},
    {"threshold", FAILED, "value_ns", ABOVE, 0,
     "{subject} is {value_ns:ns} over {sample} operations, limit {threshold}: begin with the "
     "slowest operations and with the part of the latency that grew; give the target more room, "
     "or lower the load"},
    {"threshold", UNDECIDED, "sample_needed", ABOVE, 0,
     "{subject} rests on {sample} operations and needs {sample_needed:count}: run longer, or at a "
     "higher load"},
    {"breaking_point", INFORMATION, "breaks_at", ABOVE, 0,
     "keep the load at {keeps_at:number} {unit:text} or below: from {breaks_at:number} on it "
     "breaks by {by:text} (error rate {error_rate:share}); to go further, find what saturates "
     "there"},
    {"breaking_point", INFORMATION, "breaks_at", ABOVE, 0,
     "keep the load at {keeps_at:number} {unit:text} or below: from {breaks_at:number} on it "
     "breaks by {by:text} (the percentile is {value_ns:ns}); to go further, find what saturates "
     "there"},
    {"breaking_point", INFORMATION, "breaks_at", ABOVE, 0,
     "no level of load that was measured keeps the limits: {breaks_at:number} {unit:text}, the "
     "lowest, breaks by {by:text}; measure from fewer on"},
    {"scalability", INFORMATION, "peak_within", IS_TRUE, 0,
     "throughput peaks at {peak_users.value:number} users and falls beyond (sigma "
     "{sigma.value:number}, kappa {kappa.value:number}): limit the calls that run at once there, "
     "and look for what they wait on each other for (locks, one connection, one writer)"},
    {"stability", FAILED, "p95_change", AT_LEAST, 0.2,
     "phase {subject}: p95 drifted by {p95_change:change} under the same load, worst "
     "{p95_worst_ns:ns} against a median of {p95_median_ns:ns}: look for what grows with every "
     "call (a table without an index, a cache without a bound, a log), and run the shape soak"},
    {"stability", FAILED, "rate_change", AT_MOST, -0.2,
     "phase {subject}: throughput drifted by {rate_change:change} under the same load: look for "
     "what grows with every call, and run the shape soak"},
    {"degradation", INFORMATION, "graceful", IS_FALSE, 0,
     "phase {subject}: goodput fell to {goodput_per_s:rate}, {kept:share} of the "
     "{goodput_before_per_s:rate} before, with {silent:count} silent failures (timeouts, resets): "
     "let the target refuse at once what it cannot serve (429 or 503), and bound its queue"},
    {"recovery", FAILED, "waited_ns", ABOVE, 0,
     "after the stress p95 was {last_p95_ns:ns} for {waited_ns:ns} and did not come back to "
     "{limit_p95_ns:ns} (baseline {baseline_p95_ns:ns}); errors {last_error_rate:share}: bound the "
     "target's queue, and give up calls whose caller has gone"},
    {"release", FAILED, "memory_per_operation_bytes", ABOVE, 0,
     "{subject} keeps {memory_per_operation_bytes:bytes} per operation: memory went from "
     "{memory_before_bytes:bytes} to {memory_after_bytes:bytes} and stayed there for "
     "{idle_s:count} "
     "s without load: take a heap profile over a soak run"},
    {"release", FAILED, "descriptors_after", ABOVE, 0,
     "{subject} does not release: descriptors {descriptors_before:number} to "
     "{descriptors_after:number}, threads {threads_before:count} to {threads_after:count}, after "
     "{idle_s:count} s without load: close what a session or a call opens when it ends"},
    {"credentials", FAILED, "refused", ABOVE, 0,
     "{subject} refused the credentials in {refused:count} of {finished:count} operations: "
     "{remedy:text}"},
    {"target_unavailable", FAILED, NULL, ALWAYS, 0,
     "make {subject} reachable, or leave it out of the plan: {text}"},
    {"tier_lost", FAILED, NULL, ALWAYS, 0,
     "see the tier's own log for why it went away in phase {subject}, and run that phase again: "
     "its figures are of a part of it"},
    {"target_lost", FAILED, NULL, ALWAYS, 0, "see the target's own log from {sample} s on: {text}"},
    {"aborted", FAILED, NULL, ALWAYS, 0,
     "the run ended itself after {sample} s ({text}): mend that first, then run the whole plan"},
    {"interrupted", UNDECIDED, NULL, ALWAYS, 0,
     "the run was interrupted after {sample} s: let it run to its end for a verdict"},
    {"no_operations", UNDECIDED, NULL, ALWAYS, 0,
     "{sample} operations were run: look at what the mix includes and excludes (cicada tools), and "
     "run longer"},
    {"segments_missing", UNDECIDED, "segments", ABOVE, 0,
     "merge the results of all {of:count} segments: {segments:count} are here"},
    {"generator_saturated", UNDECIDED, "seconds", ABOVE, 0,
     "cicada itself was the limit: of {seconds:count} seconds {seconds_cpu:count} with its busiest "
     "worker at its core's end (highest {cpu_highest:share}), {seconds_lag:count} with late timers "
     "(up to {lag_highest_ns:ns}), {seconds_delay:count} with late sends: give it more cores, or "
     "share the load among generators with --segment, or lower it"},
    {"generator_delay", INFORMATION, "seconds_blurred", ABOVE, 0,
     "in {seconds_blurred:count} of {seconds:count} seconds cicada sent late (p99 up to "
     "{send_delay_p99_highest_ns:ns}): run it on a machine of its own for exact tails"},
    {"coverage", INFORMATION, "below_minimum", ABOVE, 0,
     "{below_minimum:count} of {offered:count} operations of {subject} got fewer than "
     "{minimum_sample:count} calls: run longer, or weight them higher"},
    {"arguments_rejected", INFORMATION, "failed_alike", ABOVE, 0,
     "{subject} refused generated arguments ({failed_alike:count} of {finished:count} calls failed "
     "that way): give it arguments in the plan, under tools"},
    {"outliers", INFORMATION, "tools", ABOVE, 0,
     "look at {outliers.0.tool:text} of {subject} first: its p50 is {outliers.0.p50_ns:ns}, "
     "{outliers.0.ratio:number} times the median tool's {p50_median_ns:ns}"},
};

/* ---- figures -------------------------------------------------------------------------------- */

/* "outliers.0.tool" */
static const json_t *figure_at(const json_t *figures, const char *path)
{
    while (figures && *path) {
        char name[64];
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = 0;
        figures = json_is_array(figures) ? json_array_get(figures, strtoul(name, NULL, 10))
                                         : json_object_get(figures, name);
        path += length + (path[length] == '.');
    }
    return figures;
}

static bool holds(const struct row *row, const json_t *figures)
{
    if (row->condition == ALWAYS)
        return true;
    const json_t *figure = figure_at(figures, row->figure);
    double value = json_number_value(figure);
    switch (row->condition) {
    case IS_TRUE:
        return json_is_true(figure);
    case IS_FALSE:
        return json_is_false(figure);
    case ABOVE:
        return json_is_number(figure) && value > row->limit;
    case AT_LEAST:
        return json_is_number(figure) && value >= row->limit;
    case AT_MOST:
        return json_is_number(figure) && value <= row->limit;
    case ALWAYS:
        break;
    }
    return false;
}

static bool quote(const json_t *figure, const char *unit, char *text, size_t size)
{
    double value = json_number_value(figure);
    if (strcmp(unit, "text") == 0) {
        const char *said = json_string_value(figure);
        if (said)
            snprintf(text, size, "%.*s", quantity_cut(said, 200), said);
        return said != NULL;
    }
    if (!json_is_number(figure) || !isfinite(value))
        return false;
    if (strcmp(unit, "ns") == 0)
        quantity_duration(text, size, quantity_whole(value));
    else if (strcmp(unit, "share") == 0)
        quantity_share(text, size, value);
    else if (strcmp(unit, "change") == 0)
        snprintf(text, size, "%+.1f%%", value * 100);
    else if (strcmp(unit, "rate") == 0)
        quantity_rate(text, size, value);
    else if (strcmp(unit, "bytes") == 0)
        quantity_bytes(text, size, quantity_whole(value));
    else if (strcmp(unit, "count") == 0)
        quantity_count(text, size, quantity_whole(value));
    else
        snprintf(text, size, "%.4g", value);
    return true;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static bool place(const struct finding *finding, const char *name, char *text, size_t size)
{
    const struct {
        const char *name, *value;
    } members[] = {
        {"subject", finding->subject}, {"threshold", finding->threshold}, {"text", finding->text}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0) {
            if (members[i].value)
                snprintf(text, size, "%.*s", quantity_cut(members[i].value, 300), members[i].value);
            return members[i].value != NULL;
        }
    if (strcmp(name, "sample") == 0)
        return quantity_count(text, size, finding->sample) != NULL;
    char path[64];
    const char *unit = strchr(name, ':');
    if (!unit || (size_t)(unit - name) >= sizeof path)
        return false;
    memcpy(path, name, (size_t)(unit - name));
    path[unit - name] = 0;
    return quote(figure_at(finding->figures, path), unit + 1, text, size);
}

/* False when a place cannot be filled. */
static bool fill(const struct row *row, const struct finding *finding, char *text, size_t size)
{
    size_t used = 0;
    const char *at = row->text;
    text[0] = 0;
    while (*at) {
        char piece[400], name[80];
        size_t length = strcspn(at, "{");
        if (length == 0) {
            length = strcspn(at, "}");
            snprintf(name, sizeof name, "%.*s", (int)length - 1, at + 1);
            if (!place(finding, name, piece, sizeof piece))
                return false;
            length++;
        } else {
            snprintf(piece, sizeof piece, "%.*s", (int)length, at);
        }
        used += (size_t)snprintf(text + used, size - used, "%s", piece);
        if (used >= size)
            return true; /* cut, as every text of a result is */
        at += length;
    }
    return true;
}

/* Where the generator was the limit, a break is not the target's. */
static bool is_of_generator(const struct result *result, const struct finding *finding)
{
    if (strcmp(finding->rule, "breaking_point") != 0)
        return false;
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].rule, "generator_saturated") == 0 &&
            result->findings[i].verdict == VERDICT_INCONCLUSIVE)
            return true;
    return false;
}

bool recommendation_of(const struct result *result, const struct finding *finding, char *text,
                       size_t size)
{
    if (finding->verdict == VERDICT_PASS || is_of_generator(result, finding))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].rule, finding->rule) == 0 &&
            rows[i].verdicts & (1u << finding->verdict) && holds(&rows[i], finding->figures) &&
            fill(&rows[i], finding, text, size))
            return true;
    return false;
}

static int add(struct result *result, uint32_t index, const char *text)
{
    const struct finding *finding = &result->findings[index];
    struct recommendation *grown =
        realloc(result->recommendations, (result->recommendation_count + 1) * sizeof *grown);
    if (!grown)
        return -1;
    result->recommendations = grown;
    struct recommendation *added = &grown[result->recommendation_count++];
    *added = (struct recommendation){.rule = strdup(finding->rule),
                                     .subject = strdup(finding->subject ? finding->subject : ""),
                                     .finding = index,
                                     .text = strdup(text)};
    return added->rule && added->subject && added->text ? 0 : -1;
}

int recommendations_make(struct result *result)
{
    char text[RECOMMENDATION_SIZE];
    result_clear_recommendations(result);
    for (size_t i = 0; i < result->finding_count; i++)
        if (recommendation_of(result, &result->findings[i], text, sizeof text) &&
            add(result, (uint32_t)i, text) < 0)
            return -1;
    return 0;
}
