/* See usage.h. */
#include "burrow/tiers/usage.h"

#include "base/clock.h"
#include "metrics/histogram.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOLS_LIMIT   256
#define TOOL_SLOTS    512  /* a power of two */
#define SUMS_LIMIT    2048 /* of a hash table; a power of two */
#define RECENT_CALLS  1024
#define CLIENT_LIMIT  USAGE_CLIENT_SIZE
#define FLUSH_SECONDS 5
#define WINDOWS       4 /* that are remembered */
#define ALL_KEYS      (USAGE_TOOL | USAGE_CLIENT | USAGE_REASON)

static const char *const migrations[] = {
    "CREATE TABLE usage_minutes(minute INTEGER NOT NULL, tool TEXT NOT NULL, client TEXT NOT NULL,"
    " reason TEXT NOT NULL, calls INTEGER NOT NULL, total_us INTEGER NOT NULL,"
    " max_us INTEGER NOT NULL, PRIMARY KEY(minute, tool, client, reason)) WITHOUT ROWID",
    NULL};

struct tool_window {
    const char *tool;
    struct histogram latency;
    uint64_t failures;
};

struct sum { /* calls 0: the place is free */
    int64_t minute;
    const char *tool, *reason;
    char client[CLIENT_LIMIT];
    uint64_t calls, total_ns, max_ns;
};

struct recent {
    const char *tool, *reason;
    char client[CLIENT_LIMIT];
    int64_t at_ms;
    uint64_t latency_ns;
};

struct usage {
    pthread_mutex_t lock;
    struct records *records;
    struct tool_window tools[TOOLS_LIMIT];
    uint16_t tool_slots[TOOL_SLOTS]; /* 1-based places in `tools` by their literal; 0: free */
    size_t tool_count;
    struct sum sums[SUMS_LIMIT];
    uint16_t filled[SUMS_LIMIT]; /* places of the sums that there are */
    size_t sum_count;
    struct window {
        struct usage_groups groups; /* what is in the records since a minute */
        int64_t since;
        bool known;
    } windows[WINDOWS];
    size_t oldest_window;
    struct recent recent[RECENT_CALLS];
    uint64_t recent_count;
    int64_t window_start_ms;
    uint64_t flushed_ns;
};

static int64_t now_ms(void)
{
    return (int64_t)(clock_wall_ns() / NS_PER_MS);
}

struct usage *usage_open(struct records *records, struct error *error)
{
    if (records_migrate(records, "usage", migrations, error) < 0)
        return NULL;
    struct usage *usage = calloc(1, sizeof *usage);
    if (!usage) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&usage->lock, NULL);
    usage->records = records;
    usage->window_start_ms = now_ms();
    usage->flushed_ns = clock_now_ns();
    return usage;
}

void usage_close(struct usage *usage)
{
    struct error error = {0};
    if (!usage)
        return;
    usage_flush(usage, &error); /* counts that cannot be written are lost: nobody waits for them */
    for (size_t i = 0; i < usage->tool_count; i++)
        histogram_free(&usage->tools[i].latency);
    for (size_t i = 0; i < WINDOWS; i++)
        usage_groups_free(&usage->windows[i].groups);
    pthread_mutex_destroy(&usage->lock);
    free(usage);
}

/* ---- counting ------------------------------------------------------------------------------- */

static struct tool_window *window_of(struct usage *usage, const char *tool)
{
    size_t at = ((uintptr_t)tool * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
    for (;; at++) {
        uint16_t *slot = &usage->tool_slots[at % TOOL_SLOTS];
        if (*slot && usage->tools[*slot - 1].tool == tool)
            return &usage->tools[*slot - 1];
        if (*slot)
            continue;
        if (usage->tool_count == TOOLS_LIMIT)
            return NULL;
        struct tool_window *window = &usage->tools[usage->tool_count++];
        window->tool = tool;
        histogram_init(&window->latency);
        *slot = (uint16_t)usage->tool_count;
        return window;
    }
}

static size_t hash_of(int64_t minute, const char *tool, const char *reason, const char *client)
{
    uint64_t hash = (uint64_t)minute ^ (uint64_t)(uintptr_t)tool * 31 ^ (uint64_t)(uintptr_t)reason;
    for (; *client; client++)
        hash = (hash ^ (unsigned char)*client) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 29);
}

/* When the table is nearly full, callers are no longer told apart; then nothing more is summed. */
static struct sum *sum_of(struct usage *usage, int64_t minute, const char *tool, const char *reason,
                          const char *client)
{
    if (usage->sum_count > SUMS_LIMIT / 2)
        client = "others";
    size_t at = hash_of(minute, tool, reason, client);
    for (size_t step = 0; step < SUMS_LIMIT; step++, at++) {
        struct sum *sum = &usage->sums[at % SUMS_LIMIT];
        if (sum->calls == 0) {
            *sum = (struct sum){.minute = minute, .tool = tool, .reason = reason};
            snprintf(sum->client, sizeof sum->client, "%s", client);
            usage->filled[usage->sum_count++] = (uint16_t)(at % SUMS_LIMIT);
            return sum;
        }
        if (sum->minute == minute && sum->tool == tool && sum->reason == reason &&
            strcmp(sum->client, client) == 0)
            return sum;
    }
    return NULL;
}

void usage_count(struct usage *usage, const char *tool, const char *client, const char *reason,
                 uint64_t latency_ns)
{
    int64_t now = now_ms();
    char name[CLIENT_LIMIT];
    client = client && *client ? client : "unknown";
    size_t length = strnlen(client, sizeof name - 1);
    memcpy(name, client, length);
    memset(name + length, 0, sizeof name - length);
    for (size_t i = length; i > 0 && ((unsigned char)name[i - 1] & 0x80); i--)
        name[i - 1] = '?'; /* never half a character at the end */
    reason = reason ? reason : "";
    pthread_mutex_lock(&usage->lock);
    struct tool_window *window = window_of(usage, tool);
    struct sum *sum = sum_of(usage, now / 60000, tool, reason, name);
    if (window) {
        histogram_record(&window->latency, latency_ns);
        window->failures += *reason != '\0';
    }
    if (sum) {
        sum->calls++;
        sum->total_ns += latency_ns;
        sum->max_ns = latency_ns > sum->max_ns ? latency_ns : sum->max_ns;
    }
    struct recent *recent = &usage->recent[usage->recent_count++ % RECENT_CALLS];
    *recent =
        (struct recent){.tool = tool, .reason = reason, .at_ms = now, .latency_ns = latency_ns};
    memcpy(recent->client, name, sizeof name);
    pthread_mutex_unlock(&usage->lock);
}

/* ---- to the records ------------------------------------------------------------------------- */

bool usage_is_due(struct usage *usage)
{
    pthread_mutex_lock(&usage->lock);
    bool due = usage->sum_count > SUMS_LIMIT / 2 ||
               (usage->sum_count > 0 &&
                clock_now_ns() - usage->flushed_ns > FLUSH_SECONDS * (uint64_t)NS_PER_S);
    pthread_mutex_unlock(&usage->lock);
    return due;
}

static int write_sums(struct usage *usage, const struct sum *sums, size_t count,
                      struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct sum *sum = &sums[i];
        if (records_run(usage->records, error,
                        "INSERT INTO usage_minutes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                        " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,"
                        " total_us = total_us + excluded.total_us,"
                        " max_us = max(max_us, excluded.max_us)",
                        "isssiii", sum->minute, sum->tool, sum->client, sum->reason,
                        (int64_t)sum->calls, (int64_t)(sum->total_ns / 1000),
                        (int64_t)(sum->max_ns / 1000)) < 0)
            return -1;
    }
    return 0;
}

/* A copy of the sums, and none are left. */
static size_t take_sums(struct usage *usage, struct sum *sums)
{
    pthread_mutex_lock(&usage->lock);
    size_t count = usage->sum_count;
    for (size_t i = 0; i < count; i++) {
        sums[i] = usage->sums[usage->filled[i]];
        usage->sums[usage->filled[i]].calls = 0;
    }
    usage->sum_count = 0;
    usage->flushed_ns = clock_now_ns();
    pthread_mutex_unlock(&usage->lock);
    return count;
}

static struct usage_group group_of(const struct sum *sum)
{
    struct usage_group group = {
        .calls = sum->calls, .total_us = sum->total_ns / 1000, .max_us = sum->max_ns / 1000};
    usage_group_name(&group, sum->tool, sum->client, sum->reason);
    return group;
}

static void follow(struct window *window, const struct sum *sums, size_t count)
{
    for (size_t i = 0; i < count && window->known; i++) {
        struct usage_group group = group_of(&sums[i]);
        if (sums[i].minute >= window->since)
            window->known = usage_groups_add(&window->groups, ALL_KEYS, &group) == 0;
    }
}

int usage_flush(struct usage *usage, struct error *error)
{
    struct sum *sums = malloc(sizeof usage->sums);
    if (!sums)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    size_t count = take_sums(usage, sums);
    int result = 0;
    if (count) {
        result = records_begin(usage->records, error);
        if (result == 0)
            result = write_sums(usage, sums, count, error);
        if (result == 0)
            result = records_commit(usage->records, error);
        if (result < 0)
            records_rollback(usage->records);
        for (size_t i = 0; i < WINDOWS && result == 0; i++)
            follow(&usage->windows[i], sums, count);
    }
    free(sums);
    return result;
}

/* ---- sums of a window ----------------------------------------------------------------------- */

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int load(struct usage *usage, struct window *window, int64_t since, struct error *error)
{
    struct error problem = {0};
    usage_groups_free(&window->groups);
    window->since = since;
    sqlite3_stmt *row = records_query(usage->records, &problem,
                                      "SELECT tool, client, reason, sum(calls), sum(total_us),"
                                      " max(max_us) FROM usage_minutes WHERE minute >= ?1"
                                      " GROUP BY 1, 2, 3",
                                      "i", since);
    while (row && records_next(row, &problem)) {
        struct usage_group group = {.calls = (uint64_t)sqlite3_column_int64(row, 3),
                                    .total_us = (uint64_t)sqlite3_column_int64(row, 4),
                                    .max_us = (uint64_t)sqlite3_column_int64(row, 5)};
        usage_group_name(&group, records_text(row, 0), records_text(row, 1), records_text(row, 2));
        if (usage_groups_add(&window->groups, ALL_KEYS, &group) < 0) {
            records_done(row);
            out_of_memory(&problem);
            break;
        }
    }
    window->known = problem.code == ERROR_NONE;
    if (!window->known && error)
        *error = problem;
    return window->known ? 0 : -1;
}

/* A window begins at another minute sixty times an hour; few are asked for at a time. */
static const struct usage_groups *window_since(struct usage *usage, int64_t since,
                                               struct error *error)
{
    for (size_t i = 0; i < WINDOWS; i++)
        if (usage->windows[i].known && usage->windows[i].since == since)
            return &usage->windows[i].groups;
    struct window *window = &usage->windows[usage->oldest_window++ % WINDOWS];
    return load(usage, window, since, error) == 0 ? &window->groups : NULL;
}

int usage_sums(struct usage *usage, int64_t since_minute, unsigned keys,
               struct usage_groups *groups, struct error *error)
{
    int failed = 0;
    *groups = (struct usage_groups){.count = 0};
    if (usage_is_due(usage) && usage_flush(usage, error) < 0)
        return -1;
    const struct usage_groups *window = window_since(usage, since_minute, error);
    if (!window)
        return -1;
    for (size_t i = 0; i < window->count && failed == 0; i++)
        failed = usage_groups_add(groups, keys, &window->all[i]);
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < usage->sum_count && failed == 0; i++) {
        const struct sum *sum = &usage->sums[usage->filled[i]];
        struct usage_group group = group_of(sum);
        if (sum->minute >= since_minute)
            failed = usage_groups_add(groups, keys, &group);
    }
    pthread_mutex_unlock(&usage->lock);
    usage_groups_sort(groups);
    if (failed == 0)
        return 0;
    usage_groups_free(groups);
    return out_of_memory(error);
}

int64_t usage_unwritten(struct usage *usage, int64_t first, int64_t end)
{
    uint64_t calls = 0;
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < usage->sum_count; i++) {
        const struct sum *sum = &usage->sums[usage->filled[i]];
        calls += sum->minute >= first && sum->minute < end ? sum->calls : 0;
    }
    pthread_mutex_unlock(&usage->lock);
    return (int64_t)calls;
}

/* ---- what the window shows ------------------------------------------------------------------ */

static double ms_of(uint64_t ns)
{
    return (double)ns / (double)NS_PER_MS;
}

/* Of every tool there is, so without json_pack, which reads its format each time. */
static json_t *latency_of(const struct tool_window *window)
{
    static const double fractions[] = {0.5, 0.95, 0.99};
    const struct histogram *latency = &window->latency;
    uint64_t values[3];
    histogram_quantiles(latency, fractions, 3, values);
    json_t *one = json_object();
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"tool", json_string(window->tool)},
        {"calls", json_integer((json_int_t)latency->count)},
        {"failures", json_integer((json_int_t)window->failures)},
        {"mean_ms", json_real(histogram_mean(latency) / (double)NS_PER_MS)},
        {"p50_ms", json_real(ms_of(values[0]))},
        {"p95_ms", json_real(ms_of(values[1]))},
        {"p99_ms", json_real(ms_of(values[2]))},
        {"max_ms", json_real(ms_of(latency->max_ns))},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new_nocheck(one, members[i].name, members[i].value);
    return one;
}

static int by_tool(const void *one, const void *other)
{
    const struct tool_window *const *a = one, *const *b = other;
    return strcmp((*a)->tool, (*b)->tool);
}

json_t *usage_latency(struct usage *usage, const char *tool)
{
    const struct tool_window *windows[TOOLS_LIMIT];
    json_t *all = json_array();
    size_t count = 0;
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < usage->tool_count; i++) {
        const struct tool_window *window = &usage->tools[i];
        if (window->latency.count && (!tool || strcmp(tool, window->tool) == 0))
            windows[count++] = window;
    }
    qsort(windows, count, sizeof *windows, by_tool);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, latency_of(windows[i]));
    pthread_mutex_unlock(&usage->lock);
    return all;
}

/* `calls` has the slowest so far, slowest first, at most `limit`. */
static size_t keep_slow(const struct recent **calls, size_t count, size_t limit,
                        const struct recent *call)
{
    if (count == limit && (limit == 0 || calls[count - 1]->latency_ns >= call->latency_ns))
        return count;
    size_t at = count < limit ? count++ : count - 1;
    for (; at > 0 && calls[at - 1]->latency_ns < call->latency_ns; at--)
        calls[at] = calls[at - 1];
    calls[at] = call;
    return count;
}

json_t *usage_slowest(struct usage *usage, const char *tool, double least_ms, size_t limit)
{
    const struct recent *calls[USAGE_SLOWEST];
    json_t *slowest = json_array();
    size_t count = 0;
    limit = limit < USAGE_SLOWEST ? limit : USAGE_SLOWEST;
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < RECENT_CALLS && i < usage->recent_count; i++) {
        const struct recent *call = &usage->recent[i];
        if (ms_of(call->latency_ns) >= least_ms && (!tool || strcmp(tool, call->tool) == 0))
            count = keep_slow(calls, count, limit, call);
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(slowest,
                              json_pack("{s:s, s:I, s:f, s:s, s:s}", "tool", calls[i]->tool, "at",
                                        (json_int_t)calls[i]->at_ms, "milliseconds",
                                        ms_of(calls[i]->latency_ns), "outcome",
                                        *calls[i]->reason ? calls[i]->reason : "success", "client",
                                        calls[i]->client));
    pthread_mutex_unlock(&usage->lock);
    return slowest;
}

int64_t usage_window_start(struct usage *usage)
{
    pthread_mutex_lock(&usage->lock);
    int64_t start = usage->window_start_ms;
    pthread_mutex_unlock(&usage->lock);
    return start;
}

uint64_t usage_reset(struct usage *usage)
{
    uint64_t calls = 0;
    pthread_mutex_lock(&usage->lock);
    for (size_t i = 0; i < usage->tool_count; i++) {
        calls += usage->tools[i].latency.count;
        histogram_reset(&usage->tools[i].latency);
        usage->tools[i].failures = 0;
    }
    usage->recent_count = 0;
    usage->window_start_ms = now_ms();
    pthread_mutex_unlock(&usage->lock);
    return calls;
}
