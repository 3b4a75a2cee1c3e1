/* CSV (RFC 4180): a row for each second of each phase and target, for spreadsheets and data frames.
 * The seconds of a phase share the second in which it ended with the one after it, so that a second
 * may have two rows. */
#include "report/form_escape.h"
#include "report/form_timeline.h"
#include "report/form_write.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *title;
    double fraction;
} percentiles[] = {{"p50_ns", 0.5}, {"p90_ns", 0.9}, {"p95_ns", 0.95}, {"p99_ns", 0.99}};

static bool holds(const struct alert *alert, const struct timeline_entry *entry)
{
    return entry->at_s >= alert->start_s && (!alert->end.known || entry->at_s < alert->end.at_s) &&
           (alert->target < 0 || (uint32_t)alert->target == entry->target);
}

/* The rules that held in this second on this target, or on cicada itself, parted by blanks. */
static void write_alerts(FILE *file, const struct result *result,
                         const struct timeline_entry *entry)
{
    char rules[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < result->alert_count && used < sizeof rules; i++) {
        const struct alert *alert = &result->alerts[i];
        bool named = false; /* by another metric of the same rule, or on cicada itself */
        for (size_t before = 0; before < i && !named; before++)
            named = holds(&result->alerts[before], entry) &&
                    strcmp(result->alerts[before].rule, alert->rule) == 0;
        if (!named && holds(alert, entry))
            used += (size_t)snprintf(rules + used, sizeof rules - used, "%s%s", used ? " " : "",
                                     alert->rule);
    }
    escape_csv(file, rules);
}

static void write_titles(FILE *file)
{
    fputs("at_s,phase,target,users,arrival_rate_per_s,in_flight,queued,connections,started,ok,"
          "failed,censored,bytes_sent,bytes_received",
          file);
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        fprintf(file, ",%s", percentiles[i].title);
    fputs(",max_ns", file);
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        fprintf(file, ",outcome_%s", outcome_kind_name((enum outcome_kind)kind));
    fputs(",alerts\r\n", file);
}

static void write_row(FILE *file, const struct result *result, const struct timeline_entry *entry)
{
    const struct second *second = entry->second;
    fprintf(file, "%" PRIu32 ",", entry->at_s);
    escape_csv(file, result->phases[entry->phase].name);
    fputc(',', file);
    escape_csv(file,
               entry->target < result->target_count ? result->targets[entry->target].name : NULL);
    fprintf(file, ",%.10g,%.10g,%" PRIu32 ",%" PRIu32 ",%" PRIu32, second->users,
            second->arrival_rate, second->in_flight, second->queued, second->connections);
    fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
            second->started, second->ok, second->failed, second->censored, second->bytes_sent,
            second->bytes_received);
    bool any = second->latency.count > 0; /* none: empty fields, which no one takes for zero */
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        if (any)
            fprintf(file, ",%" PRIu64,
                    histogram_quantile(&second->latency, percentiles[i].fraction));
        else
            fputc(',', file);
    if (any)
        fprintf(file, ",%" PRIu64, second->latency.max_ns);
    else
        fputc(',', file);
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        fprintf(file, ",%" PRIu64, second->outcomes[kind]);
    fputc(',', file);
    write_alerts(file, result, entry);
    fputs("\r\n", file);
}

int form_csv(FILE *file, const struct result *result)
{
    struct timeline timeline;
    int status = timeline_init(&timeline, result, -1, TIMELINE_ALL);
    if (status == 0) {
        write_titles(file);
        for (size_t i = 0; i < timeline.count; i++)
            write_row(file, result, &timeline.entries[i]);
    }
    timeline_free(&timeline);
    return status;
}
