/* The list `alerts` of a plan: rules that stand over the default ones of the same name. How a
 * threshold is written depends on what its rule looks at. */
#include "plan/read.h"

#include "base/clock.h"
#include "monitor/alert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct alert_draft {
    char *rule, *metric, *threshold, *clear;
    uint64_t for_ns, clear_for_ns;
    bool abort;
};

#define DRAFT_KEY(word, parse, member)                                                             \
    {                                                                                              \
        word, parse, NULL, offsetof(struct alert_draft, member)                                    \
    }
static const struct key alert_keys[] = {DRAFT_KEY("rule", value_text, rule),
                                        DRAFT_KEY("metric", value_text, metric),
                                        DRAFT_KEY("threshold", value_text, threshold),
                                        DRAFT_KEY("clear", value_text, clear),
                                        DRAFT_KEY("for", value_duration, for_ns),
                                        DRAFT_KEY("clear_for", value_duration, clear_for_ns),
                                        DRAFT_KEY("abort", value_flag, abort),
                                        {NULL, NULL, NULL, 0}};

/* At the value of that key, or at the whole entry when it has none. */
static int fail_at(struct reader *reader, const struct node *node, const struct place *place,
                   const char *key, const char *what, const char *remedy)
{
    const struct node *value = node_get(node, key);
    struct place below = {place, key, 0};
    return read_fail(reader, value ? value : node, &below, "%s; %s", what, remedy);
}

/* ---- which rule ----------------------------------------------------------------------------- */

static int take_rule(struct reader *reader, const struct node *node, const struct place *place,
                     const struct alert_draft *draft, struct alert_rule *rule)
{
    char names[400];
    size_t count, used = 0;
    struct nearest nearest;
    const struct alert_rule *defaults = alert_rules_default(&count);
    const struct alert_rule *found = alert_rule_find(draft->rule);
    if (found) {
        *rule = *found;
        return 0;
    }
    if (!draft->rule)
        return fail_at(reader, node, place, "rule", "is missing",
                       "write e.g. rule: high_error_rate");
    nearest_begin(&nearest, draft->rule);
    for (size_t i = 0; i < count; i++) {
        nearest_consider(&nearest, defaults[i].name);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                 defaults[i].name);
    }
    char remedy[480];
    if (nearest.best)
        snprintf(remedy, sizeof remedy, "did you mean %s?", nearest.best);
    else
        snprintf(remedy, sizeof remedy, "known are %s", names);
    return fail_at(reader, node, place, "rule", "is no alert rule", remedy);
}

static int take_metric(struct reader *reader, const struct node *node, const struct place *place,
                       const struct alert_draft *draft, struct alert_rule *rule)
{
    if (!draft->metric)
        return 0;
    enum alert_metric metric = alert_metric_from_name(draft->metric);
    if (metric < ALERT_METRICS && alert_rule_takes(rule, metric)) {
        rule->metric = metric;
        return 0;
    }
    char remedy[200];
    size_t used = (size_t)snprintf(remedy, sizeof remedy, "%s takes", rule->name);
    for (unsigned i = 0, any = 0; i < ALERT_METRICS; i++)
        if (alert_rule_takes(rule, (enum alert_metric)i))
            used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s %s", any++ ? "," : "",
                                     alert_metric_name((enum alert_metric)i));
    return fail_at(reader, node, place, "metric", "is nothing this rule looks at", remedy);
}

/* ---- thresholds ----------------------------------------------------------------------------- */

/* To the twelfth decimal, so that it prints as what reads back to the same value. */
static double tidy(double value)
{
    return round(value * 1e12) / 1e12;
}

static int parse_number(const char *text, double *value)
{
    if (value_decimal(&text, value) < 0)
        return -1;
    if (*text == '%') {
        *value = tidy(*value / 100);
        text++;
    }
    return *text ? -1 : 0;
}

/* What may stand there, and what a wrong one is told. */
static const char *parse_value(const struct alert_rule *rule, const char *text, double *value)
{
    uint64_t ns;
    switch (rule->metric) {
    case ALERT_P50:
    case ALERT_P95:
    case ALERT_P99:
        if (plan_parse_duration(text, &ns) < 0 || ns == 0)
            return "must be a duration above 0, such as 800ms";
        *value = (double)ns;
        return NULL;
    case ALERT_CONNECTION_ERRORS:
        if (parse_number(text, value) < 0 || strchr(text, '%') || *value > VALUE_RATE_LIMIT)
            return "must be a number of operations in a second, such as 5";
        return NULL;
    case ALERT_P50_RATIO:
    case ALERT_P95_RATIO:
    case ALERT_P99_RATIO:
        if (parse_number(text, value) < 0 || *value < 1 || *value > 1e6)
            return "must be a ratio to the baseline of at least 1, such as 2 or 200%";
        return NULL;
    case ALERT_RATE_RATIO:
        if (parse_number(text, value) < 0 || *value <= 0 || *value > 1)
            return "must be a share of the baseline above 0, such as 50%";
        return NULL;
    case ALERT_ERRORS:
    case ALERT_TIER_ERRORS:
    case ALERT_GENERATOR_CPU:
    case ALERT_METRICS:
        break;
    }
    if (parse_number(text, value) < 0 || *value > 1)
        return "must be a share from 0% to 100%, such as 5%";
    return NULL;
}

/* A threshold without a clear threshold keeps the distance of the default rule. */
static double default_clear(const struct alert_rule *rule)
{
    const struct alert_rule *of = alert_rule_find(rule->name);
    double clear =
        of->threshold > 0 ? rule->threshold * of->clear / of->threshold : rule->threshold;
    clear = alert_metric_is_latency(rule->metric) ? floor(clear) : tidy(clear);
    if (rule->below)
        return fmin(fmax(clear, rule->threshold), 1);
    if (alert_metric_is_relative(rule->metric))
        return fmin(fmax(clear, 1), rule->threshold);
    return rule->metric == ALERT_CONNECTION_ERRORS ? 0 : clear;
}

static int take_values(struct reader *reader, const struct node *node, const struct place *place,
                       const struct alert_draft *draft, struct alert_rule *rule)
{
    const char *wrong;
    char remedy[100];
    snprintf(remedy, sizeof remedy, "%s looks at %s", rule->name, alert_metric_name(rule->metric));
    if (draft->threshold) {
        if ((wrong = parse_value(rule, draft->threshold, &rule->threshold)))
            return fail_at(reader, node, place, "threshold", wrong, remedy);
        rule->clear = default_clear(rule);
    }
    if (!draft->clear)
        return 0;
    if ((wrong = parse_value(rule, draft->clear, &rule->clear)))
        return fail_at(reader, node, place, "clear", wrong, remedy);
    if (rule->below ? rule->clear < rule->threshold : rule->clear > rule->threshold)
        return fail_at(reader, node, place, "clear",
                       "lies beyond the threshold, so that the alert could end while it holds",
                       rule->below ? "give it the threshold or more"
                                   : "give it the threshold or less");
    return 0;
}

static int take_seconds(struct reader *reader, const struct node *node, const struct place *place,
                        const char *key, uint64_t ns, uint32_t *seconds)
{
    if (ns == 0)
        return 0; /* not given */
    if (ns % NS_PER_S || ns / NS_PER_S > ALERT_FOR_LIMIT)
        return fail_at(reader, node, place, key,
                       "must be whole seconds, at most 24h: that is how often it is looked at",
                       "write e.g. 3s");
    *seconds = (uint32_t)(ns / NS_PER_S);
    return 0;
}

/* ---- the list ------------------------------------------------------------------------------- */

static int make_rule(struct reader *reader, const struct node *node, const struct place *place,
                     const struct alert_draft *draft)
{
    struct plan *plan = reader->plan;
    struct alert_rule rule;
    if (take_rule(reader, node, place, draft, &rule) < 0 ||
        take_metric(reader, node, place, draft, &rule) < 0 ||
        take_values(reader, node, place, draft, &rule) < 0 ||
        take_seconds(reader, node, place, "for", draft->for_ns, &rule.for_s) < 0 ||
        take_seconds(reader, node, place, "clear_for", draft->clear_for_ns, &rule.clear_for_s) < 0)
        return -1;
    rule.abort = draft->abort;
    for (size_t i = 0; i < plan->alert_count; i++)
        if (plan->alerts[i].name == rule.name && plan->alerts[i].metric == rule.metric)
            return fail_at(reader, node, place, "rule", "is here already with the same metric",
                           "leave one out");
    struct alert_rule *added = array_add(&plan->alerts, &plan->alert_count, sizeof *added);
    if (!added)
        return read_out_of_memory(reader);
    *added = rule;
    return 0;
}

static int read_alert(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct alert_draft draft = {.abort = false};
    (void)field;
    int status = read_map(reader, node, place, alert_keys, &draft);
    if (status == 0)
        status = make_rule(reader, node, place, &draft);
    free(draft.rule);
    free(draft.metric);
    free(draft.threshold);
    free(draft.clear);
    return status;
}

int read_alerts(struct reader *reader, const struct node *node, const struct place *place,
                void *field)
{
    return read_list(reader, node, place, read_alert, field);
}
