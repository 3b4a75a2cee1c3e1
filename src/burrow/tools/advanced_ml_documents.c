/* Documents held against code, documents held against each other, tasks judged by their words, and
 * the reports of how tasks and tools do. */
#include "burrow/tools/advanced_ml.h"

#include "burrow/code/source.h"
#include "burrow/tiers/memories.h"
#include "burrow/tools/analytics.h"
#include "burrow/tools/analytics_kept.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_LIMIT 500
#define LEADS_LIMIT    500 /* finished tasks whose times are put in order */

json_t *ml_complexity(const struct ml_driver *drivers, size_t count)
{
    json_t *list = json_array();
    double score = 0;
    for (size_t i = 0; i < count; i++) {
        double points = drivers[i].weight * drivers[i].value;
        points = points > drivers[i].most ? drivers[i].most : points;
        json_t *driver = json_pack("{s:s, s:f, s:f}", "name", drivers[i].name, "value",
                                   drivers[i].value, "points", points);
        size_t at = 0;
        while (at < json_array_size(list) &&
               json_real_value(json_object_get(json_array_get(list, at), "points")) >= points)
            at++;
        json_array_insert_new(list, at, driver);
        score += points;
    }
    return json_pack("{s:f, s:o}", "score", score > 100 ? 100.0 : score, "drivers", list);
}

/* ---- documents against code ----------------------------------------------------------------- */

struct drift {
    json_t *findings; /* [{"kind", "name", "detail"}] */
    size_t symbols, documented, stale, signatures;
    double similarity; /* of the document and what the code says of itself */
};

static void find(struct drift *drift, const char *kind, const char *name, const char *detail)
{
    if (json_array_size(drift->findings) < FINDINGS_LIMIT)
        json_array_append_new(drift->findings, json_pack("{s:s, s:s, s:s}", "kind", kind, "name",
                                                         name, "detail", detail));
}

/* The word `name` as a whole in `text`; NULL when it is not there. */
static const char *mention_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += length)
        if ((at == text || !source_is_word(at[-1])) && !source_is_word(at[length]))
            return at;
    return NULL;
}

/* How many arguments "name(a, b)" shows; -1 when no parentheses follow. */
static int shown_arguments(const char *after)
{
    int count = 0, depth = 0;
    bool any = false;
    if (*after != '(')
        return -1;
    for (; *after && *after != '\n'; after++) {
        depth += strchr("([{", *after) != NULL;
        depth -= strchr(")]}", *after) != NULL;
        if (depth == 0)
            return any ? count + 1 : 0;
        count += *after == ',' && depth == 1;
        any |= !isspace((unsigned char)*after) && *after != '(';
        if (strncmp(after, "...", 3) == 0)
            return -1;
    }
    return -1;
}

static void check_symbol(struct drift *drift, const char *document, const json_t *symbol,
                         bool function, bool self)
{
    const char *name = json_string_value(json_object_get(symbol, "name"));
    const char *mention = mention_of(document, name);
    char detail[300];
    drift->symbols++;
    if (!mention) {
        snprintf(detail, sizeof detail, "line %lld: the document does not name it",
                 (long long)json_integer_value(json_object_get(symbol, "first_line")));
        find(drift, "undocumented", name, detail);
        return;
    }
    drift->documented++;
    int shown = function ? shown_arguments(mention + strlen(name)) : -1;
    int have = (int)json_integer_value(json_object_get(symbol, "parameters")) -
               (self && *json_string_value(json_object_get(symbol, "owner")));
    if (shown >= 0 && shown != have) {
        snprintf(detail, sizeof detail, "the document shows %d arguments, the code has %d", shown,
                 have);
        find(drift, "signature", name, detail);
        drift->signatures++;
    }
}

/* Names in `backticks` that are written as code is, and that the code does not have. */
static void check_mentions(struct drift *drift, const char *document, const char *code)
{
    char name[101];
    for (const char *at = document; (at = strchr(at, '`'));) {
        size_t ticks = strspn(at, "`");
        const char *start = at + ticks, *end = start;
        if (ticks > 1) { /* a block of code: an example, not a name */
            const char *close = strstr(start, "```");
            at = close && ticks == 3 ? close + 3 : start;
            continue;
        }
        while (source_is_word(*end))
            end++;
        size_t length = (size_t)(end - start);
        bool whole = *end == '`' || *end == '(';
        const char *close = strchr(start, '`');
        at = close ? close + 1 : start;
        if (!close || !whole || length == 0 || length > 100)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)length, start);
        if (!mention_of(code, name)) {
            find(drift, "stale", name, "the document names it, the code does not have it");
            drift->stale++;
        }
    }
}

/* What the code says of itself: its names and comments. */
static char *self_description(struct source *source)
{
    json_t *comments = source_comments(source), *names = source_identifiers(source, 200);
    char *one = json_dumps(comments, 0), *other = json_dumps(names, 0);
    size_t room = (one ? strlen(one) : 0) + (other ? strlen(other) : 0) + 2;
    char *text = malloc(room);
    if (text)
        snprintf(text, room, "%s %s", one ? one : "", other ? other : "");
    free(one);
    free(other);
    json_decref(comments);
    json_decref(names);
    return text;
}

static void measure_drift(struct tool_call *call, struct source *source, const char *document,
                          struct drift *drift)
{
    json_t *functions = source_functions(source), *classes = source_classes(source), *symbol;
    size_t index;
    bool self = source->language == SOURCE_PYTHON;
    json_array_foreach(classes, index, symbol)
    {
        check_symbol(drift, document, symbol, false, self);
    }
    json_array_foreach(functions, index, symbol)
    {
        const char *name = json_string_value(json_object_get(symbol, "name"));
        if (strncmp(name, "_", 1) != 0) /* by custom no one else's business */
            check_symbol(drift, document, symbol, true, self);
    }
    check_mentions(drift, document, source->text);
    char *described = self_description(source);
    drift->similarity =
        described ? vectors_similarity(call->store->vectors, described, document) : 0;
    free(described);
    json_decref(functions);
    json_decref(classes);
}

/* The document itself, or that of a memory; new reference. */
static json_t *document_of(struct tool_call *call)
{
    const char *given = tool_text(call, "document", NULL);
    int64_t id = tool_integer(call, "memory", 0);
    if (given)
        return json_string(given);
    if (!id) {
        tool_fail(call, "invalid_argument", "document: give it, or a memory that holds it");
        return NULL;
    }
    json_t *memory = memories_get(call->store, id, true, &call->error);
    json_t *text = json_incref(json_object_get(memory, "content"));
    json_decref(memory);
    if (!text)
        tool_fail(call, "not_found", "memory: there is no memory %lld", (long long)id);
    return text;
}

static int look_at_drift(struct tool_call *call, struct drift *drift)
{
    const char *code = tool_text(call, "code", ""), *name = tool_text(call, "language", NULL);
    enum source_language language =
        name ? source_language_named(name) : source_language_guess(code);
    struct source source;
    if (language == SOURCE_UNKNOWN)
        return tool_fail(call, "invalid_argument",
                         "code: its language cannot be told from the text; give language");
    json_t *document = document_of(call);
    if (!document)
        return -1;
    if (source_open(&source, language, code) < 0) {
        json_decref(document);
        return tool_fail(call, "internal", "out of memory");
    }
    *drift = (struct drift){.findings = json_array()};
    measure_drift(call, &source, json_string_value(document), drift);
    source_close(&source);
    json_decref(document);
    return 0;
}

/* Each kind takes its share off 1: half of it for what is not documented, as much as the part of
 * the names that are stale and of the signatures that differ, a quarter each at most. */
static double share(size_t count, size_t of, double most)
{
    return of ? most * (double)count / (double)of : 0;
}

static double score_of(const struct drift *drift, double lowered[3])
{
    lowered[0] = share(drift->symbols - drift->documented, drift->symbols, 0.5);
    lowered[1] = share(drift->stale, drift->stale + drift->documented, 0.25);
    lowered[2] = share(drift->signatures, drift->documented, 0.25);
    return 1 - lowered[0] - lowered[1] - lowered[2];
}

int ml_detect_documentation_drift(struct tool_call *call)
{
    struct drift drift;
    if (look_at_drift(call, &drift) < 0)
        return -1;
    call->structured =
        json_pack("{s:o, s:I, s:I}", "findings", drift.findings, "symbols",
                  (json_int_t)drift.symbols, "documented", (json_int_t)drift.documented);
    return 0;
}

int ml_documentation_score(struct tool_call *call)
{
    static const char *const kinds[] = {"undocumented", "stale", "signature"};
    struct drift drift;
    double lowered[3];
    if (look_at_drift(call, &drift) < 0)
        return -1;
    json_decref(drift.findings);
    double score = score_of(&drift, lowered);
    size_t counts[] = {drift.symbols - drift.documented, drift.stale, drift.signatures};
    json_t *list = json_array();
    for (size_t i = 0; i < 3; i++)
        if (counts[i])
            json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "kind", kinds[i], "count",
                                                  (json_int_t)counts[i], "points", lowered[i]));
    call->structured = json_pack("{s:f, s:f, s:o}", "score", score, "similarity", drift.similarity,
                                 "lowered_by", list);
    return 0;
}

int ml_validate_documentation(struct tool_call *call)
{
    struct drift drift;
    double lowered[3], minimum = tool_number(call, "minimum", 0.8);
    if (look_at_drift(call, &drift) < 0)
        return -1;
    double score = score_of(&drift, lowered);
    call->structured = json_pack("{s:b, s:f, s:f, s:o}", "passed", score >= minimum, "score", score,
                                 "minimum", minimum, "findings", drift.findings);
    return 0;
}

/* ---- documents against each other ----------------------------------------------------------- */

static int link_one(struct tool_call *call, int64_t from, int64_t to, double score, json_t *links)
{
    char one[48], other[48];
    bool created = false;
    json_t *facts = json_pack("{s:f}", "score", score);
    snprintf(one, sizeof one, "memory:%lld", (long long)from);
    snprintf(other, sizeof other, "memory:%lld", (long long)to);
    int failed =
        graph_node_put(call->store->graph, one, "memory", NULL, NULL, &call->error) < 0 ||
        graph_node_put(call->store->graph, other, "memory", NULL, NULL, &call->error) < 0 ||
        graph_relation_put(call->store->graph, one, "similar", other, facts, &created,
                           &call->error) < 0;
    json_decref(facts);
    json_array_append_new(links, json_pack("{s:I, s:I, s:f, s:b}", "from", (json_int_t)from, "to",
                                           (json_int_t)to, "score", score, "created", created));
    return failed ? -1 : 0;
}

/* The older is always the origin, so that a pair is linked once. */
static int link_memory(struct tool_call *call, int64_t id, double threshold, json_t *links)
{
    struct memory_filter any = {NULL, NULL};
    struct memory_hit hits[6];
    json_t *memory = memories_get(call->store, id, true, &call->error);
    const char *text = json_string_value(json_object_get(memory, "content"));
    int found = text ? memories_nearest(call->store, text, &any, true, hits, 6, &call->error) : 0;
    int failed = found < 0;
    for (int i = 0; i < found && !failed; i++) {
        int64_t other = hits[i].memory;
        if (other != id && hits[i].score >= threshold)
            failed = link_one(call, id < other ? id : other, id < other ? other : id, hits[i].score,
                              links) < 0;
    }
    json_decref(memory);
    return failed ? -1 : 0;
}

int ml_auto_link_documents(struct tool_call *call)
{
    int64_t ids[100], only = tool_integer(call, "memory", 0), count = 0;
    double threshold = tool_number(call, "threshold", 0.6);
    json_t *links = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT id FROM memories WHERE ?1 = 0 OR id = ?1 ORDER BY id DESC LIMIT ?2",
                      "ii", only, tool_integer(call, "limit", 20));
    while (row && records_next(row, &call->error))
        ids[count++] = sqlite3_column_int64(row, 0);
    call->structured = json_pack("{s:I, s:o}", "looked_at", (json_int_t)count, "links", links);
    if (only && count == 0 && call->error.code == ERROR_NONE)
        return tool_fail(call, "not_found", "memory: there is no memory %lld", (long long)only);
    for (int64_t i = 0; i < count && call->error.code == ERROR_NONE; i++)
        if (link_memory(call, ids[i], threshold, links) < 0)
            break;
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- how hard a task is --------------------------------------------------------------------- */

static size_t count_words(const char *text, const char *const *wanted)
{
    size_t count = 0;
    char word[32];
    while (*text) {
        size_t length = 0, taken = 0;
        while (isalpha((unsigned char)text[length])) {
            if (taken < sizeof word - 1)
                word[taken++] = (char)tolower((unsigned char)text[length]);
            length++;
        }
        word[taken] = '\0';
        for (size_t i = 0; wanted && wanted[i] && length; i++)
            count += strcmp(word, wanted[i]) == 0;
        count += !wanted && length;
        text += length ? length : 1;
    }
    return count;
}

static json_t *complexity_of_text(const char *text)
{
    static const char *const conditions[] = {"if",    "unless", "when",    "otherwise", "except",
                                             "until", "either", "whether", NULL};
    static const char *const sequence[] = {"then",    "after", "before", "next",
                                           "finally", "first", "and",    NULL};
    static const char *const breadth[] = {"all", "every", "each", "any", "both", NULL};
    static const char *const unknowns[] = {"maybe",   "investigate", "unclear", "decide", "perhaps",
                                           "explore", "unknown",     "why",     NULL};
    struct ml_driver drivers[] = {
        {"words", (double)count_words(text, NULL), 0.15, 30},
        {"sequence_words", (double)count_words(text, sequence), 4, 20},
        {"condition_words", (double)count_words(text, conditions), 6, 20},
        {"breadth_words", (double)count_words(text, breadth), 5, 15},
        {"unknown_words", (double)count_words(text, unknowns), 5, 15},
    };
    return ml_complexity(drivers, sizeof drivers / sizeof *drivers);
}

static json_t *similar_blueprints(struct tool_call *call, const char *text)
{
    struct vector_hit hits[5];
    json_t *similar = json_array();
    int found = vectors_search(call->store->vectors, VECTORS_TASKS, text, 5, hits, &call->error);
    for (int i = 0; i < found; i++) {
        sqlite3_stmt *row =
            records_query(call->store->records, &call->error,
                          "SELECT name FROM blueprints WHERE id = ?1", "i", hits[i].id);
        if (row && records_next(row, &call->error)) {
            json_array_append_new(similar,
                                  json_pack("{s:I, s:o, s:f}", "id", (json_int_t)hits[i].id, "name",
                                            records_json_text(row, 0), "score", hits[i].score));
            records_done(row);
        }
    }
    return similar;
}

#define TASKS_COMPARED 20

/* Tasks that are done among those whose words are likest: how many, and the mean of their minutes.
 */
static json_int_t similar_tasks(struct tool_call *call, const char *text, double *mean)
{
    struct word_hit hits[TASKS_COMPARED];
    json_int_t done = 0;
    const struct word_index_query words = {.text = text, .wanted = WORD_INDEX_ANY};
    int count =
        word_index_search(call->store->todo_words, &words, TASKS_COMPARED, hits, &call->error);
    *mean = 0;
    for (int i = 0; i < count; i++) {
        sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                          "SELECT (completed_at - created_at) / 60000.0 FROM todos"
                                          " WHERE id = ?1 AND status = 'done'",
                                          "i", hits[i].id);
        while (row && records_next(row, &call->error))
            *mean += (sqlite3_column_double(row, 0) - *mean) / (double)++done;
    }
    return done;
}

int ml_analyze_task_complexity(struct tool_call *call)
{
    const char *text = tool_text(call, "text", "");
    double mean;
    json_int_t done = similar_tasks(call, text, &mean);
    return analytics_done(
        call, json_pack("{s:o, s:o, s:I, s:o}", "complexity", complexity_of_text(text),
                        "similar_blueprints", similar_blueprints(call, text), "similar_tasks_done",
                        done, "their_mean_minutes", done ? json_real(mean) : json_null()));
}

/* ---- reports -------------------------------------------------------------------------------- */

/* Nearest rank of sorted values. */
static json_t *quantile_of(const int64_t *sorted, size_t count, size_t hundredths)
{
    if (count == 0)
        return json_null();
    size_t rank = (count * hundredths + 99) / 100;
    return json_integer((json_int_t)sorted[rank ? rank - 1 : 0]);
}

static int by_value(const void *one, const void *other)
{
    const int64_t *a = one, *b = other;
    return (*a > *b) - (*a < *b);
}

/* How long tasks took: the last that were finished, in the order of how long. */
static size_t sorted_leads(struct tool_call *call, int64_t since, int64_t leads[LEADS_LIMIT])
{
    size_t count = 0;
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT lead FROM todos_finished WHERE completed_at >= ?1"
                                      " ORDER BY completed_at DESC LIMIT ?2",
                                      "ii", since, (int64_t)LEADS_LIMIT);
    while (row && records_next(row, &call->error))
        leads[count++] = sqlite3_column_int64(row, 0);
    qsort(leads, count, sizeof *leads, by_value);
    return count;
}

/* The age that half of the open tasks do not exceed; null when there is none. */
static json_t *median_age(struct tool_call *call, int64_t now, int64_t open)
{
    int64_t created = 0;
    if (open == 0 ||
        records_integer(
            call->store->records, &call->error, 0, &created,
            "SELECT created_at FROM todos_open ORDER BY created_at DESC LIMIT 1 OFFSET ?1", "i",
            (open + 1) / 2 - 1) < 0)
        return json_null();
    return json_integer((json_int_t)(now - created));
}

static json_t *oldest_age(struct tool_call *call, int64_t now)
{
    int64_t created = 0;
    if (records_integer(call->store->records, &call->error, 0, &created,
                        "SELECT min(created_at) FROM todos_open", "") < 0 ||
        created == 0)
        return json_null();
    return json_integer((json_int_t)(now - created));
}

static json_t *finished_per_day(struct tool_call *call, int64_t now, int64_t since,
                                int64_t finished)
{
    int64_t first = 0;
    /* over all of time, the days are those since the first task */
    if (records_integer(call->store->records, &call->error, 0, &first,
                        "SELECT coalesce(min(created_at), 0) FROM todos", "") < 0 ||
        first == 0)
        return json_null();
    int64_t ms = now - (first > since ? first : since);
    return json_real((double)finished * 86400000.0 / (double)(ms > 1 ? ms : 1));
}

int ml_taskmaster_metrics(struct tool_call *call)
{
    int64_t now = store_now_ms(), since = tally_since(call), leads[LEADS_LIMIT], open = 0;
    if (analytics_keep(call) < 0)
        return -1;
    struct tally added = tally_sum(call, "task", since);
    struct tally finished = tally_sum(call, "finished", since);
    size_t count = sorted_leads(call, since, leads);
    records_integer(call->store->records, &call->error, 0, &open,
                    "SELECT coalesce(sum(tasks), 0) FROM todo_totals WHERE status <> 'done'", "");
    return analytics_done(
        call,
        json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "added", (json_int_t)added.count,
                  "completed", (json_int_t)finished.count, "completed_per_day",
                  finished_per_day(call, now, since, finished.count), "mean_lead_ms",
                  finished.count ? json_real((double)finished.first / (double)finished.count)
                                 : json_null(),
                  "median_lead_ms", quantile_of(leads, count, 50), "p90_lead_ms",
                  quantile_of(leads, count, 90), "open", (json_int_t)open, "median_age_ms",
                  median_age(call, now, open), "oldest_age_ms", oldest_age(call, now)));
}

int ml_performance_report(struct tool_call *call)
{
    struct usage_groups tools;
    uint64_t calls = 0, failures = 0;
    json_t *volume = json_array();
    if (analytics_usage(call, USAGE_TOOL, &tools) < 0) {
        json_decref(volume);
        return -1;
    }
    for (size_t i = 0; i < tools.count; i++) {
        const struct usage_group *tool = &tools.all[i];
        calls += tool->calls;
        failures += tool->failures;
        json_array_append_new(volume, analytics_volume(tool));
    }
    usage_groups_free(&tools);
    call->structured =
        json_pack("{s:I, s:I, s:o, s:o, s:o, s:I}", "calls", (json_int_t)calls, "failures",
                  (json_int_t)failures, "error_rate",
                  calls ? json_real((double)failures / (double)calls) : json_null(), "volume",
                  volume, "latency", usage_latency(call->store->usage, NULL), "latency_since",
                  (json_int_t)usage_window_start(call->store->usage));
    return call->structured ? 0 : tool_fail(call, "internal", "out of memory");
}
