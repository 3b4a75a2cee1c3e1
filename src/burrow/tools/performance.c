/* performance: whether the tiers answer and how fast, how long tools take, what the process uses.
 */
#include "base/clock.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"
#include "metrics/histogram.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char *const migrations[] = {
    "CREATE TABLE benchmark_rows(id INTEGER PRIMARY KEY, text TEXT NOT NULL)", NULL};

static double ms_since(uint64_t began_ns)
{
    return (double)(clock_now_ns() - began_ns) / (double)NS_PER_MS;
}

/* ---- one operation on each tier ------------------------------------------------------------- */

static int touch_records(struct store *store, unsigned round, struct error *error)
{
    int64_t there = 0;
    if (records_run(store->records, error,
                    "INSERT INTO benchmark_rows(id, text) VALUES(?1, 'a row of a benchmark')"
                    " ON CONFLICT DO UPDATE SET text = excluded.text",
                    "i", (int64_t)round) < 0)
        return -1;
    return records_integer(store->records, error, 0, &there,
                           "SELECT 1 FROM benchmark_rows WHERE id = ?1", "i", (int64_t)round);
}

static int touch_vectors(struct store *store, unsigned round, struct error *error)
{
    struct vector_hit hits[10];
    char text[64];
    snprintf(text, sizeof text, "benchmark query number %u over the memories", round);
    return vectors_search(store->vectors, VECTORS_MEMORIES, text, 10, hits, error) < 0 ? -1 : 0;
}

static int touch_cache(struct store *store, unsigned round, struct error *error)
{
    char key[48], *value = NULL;
    snprintf(key, sizeof key, "benchmark:%u", round);
    int failed = cache_set(store->cache, key, "value", 5, 60000, error);
    if (failed == 0 && cache_get(store->cache, key, &value, NULL, error) == CACHE_FAILED)
        failed = -1;
    free(value);
    return failed < 0 || cache_delete(store->cache, key, error) == CACHE_FAILED ? -1 : 0;
}

static int touch_graph(struct store *store, unsigned round, struct error *error)
{
    char from[48], to[48];
    snprintf(from, sizeof from, "benchmark:%u", round);
    snprintf(to, sizeof to, "benchmark:%u", round + 1);
    if (graph_node_put(store->graph, from, "benchmark", NULL, NULL, error) < 0 ||
        graph_node_put(store->graph, to, "benchmark", NULL, NULL, error) < 0 ||
        graph_relation_put(store->graph, from, "next", to, NULL, NULL, error) < 0)
        return -1;
    json_t *near = graph_within(store->graph, from, GRAPH_OUT, NULL, NULL, 1, 10, error);
    json_decref(near);
    return near && graph_node_remove(store->graph, from, error) >= 0 &&
                   graph_node_remove(store->graph, to, error) >= 0
               ? 0
               : -1;
}

static const struct tier {
    const char *name, *operation;
    int (*touch)(struct store *store, unsigned round, struct error *error);
} tiers[] = {
    {"records", "insert a row and read it, within the call's transaction", touch_records},
    {"vectors", "embed a text and find the 10 nearest memories", touch_vectors},
    {"cache", "set a key, get it, delete it", touch_cache},
    {"graph", "put two nodes and a relation, read it, remove them", touch_graph},
};
#define TIER_COUNT (sizeof tiers / sizeof *tiers)

static const struct tier *tier_named(const char *name)
{
    for (size_t i = 0; i < TIER_COUNT; i++)
        if (strcmp(tiers[i].name, name) == 0)
            return &tiers[i];
    return &tiers[0];
}

/* ---- health --------------------------------------------------------------------------------- */

/* Embeds a text and compares it with the newest memory: whether a search of them all would find it
 * is not for each look at the health to say. */
static int probe_vectors(struct store *store, struct error *error)
{
    int64_t newest = 0;
    double score;
    if (records_integer(store->records, error, 0, &newest, "SELECT max(id) FROM passages", "") < 0)
        return -1;
    vectors_score(store->vectors, VECTORS_MEMORIES, "are the vectors there", &newest, 1, &score);
    return 0;
}

/* Reads only, so that asking changes nothing. */
static int probe(struct store *store, const char *name, struct error *error)
{
    int64_t one = 0;
    if (strcmp(name, "records") == 0)
        return records_integer(store->records, error, 0, &one, "SELECT count(*) FROM migrations",
                               "");
    if (strcmp(name, "vectors") == 0) /* a server of embeddings is not asked: others would wait */
        return store->embedder ? vectors_reachable(store->vectors, error)
                               : probe_vectors(store, error);
    if (strcmp(name, "cache") == 0) {
        char *value = NULL;
        enum cache_found found = cache_get(store->cache, "health", &value, NULL, error);
        free(value);
        return found == CACHE_FAILED ? -1 : 0;
    }
    struct graph_facts facts;
    return graph_facts(store->graph, &facts, error);
}

static const char *kind_of(struct store *store, const char *name)
{
    struct cache_facts cache = {0};
    struct graph_facts graph = {0};
    struct error error = {0};
    if (strcmp(name, "records") == 0)
        return "sqlite";
    if (strcmp(name, "vectors") == 0)
        return "faiss";
    if (strcmp(name, "cache") == 0)
        return cache_facts(store->cache, &cache, &error) == 0 ? cache.kind : "redis";
    return graph_facts(store->graph, &graph, &error) == 0 ? graph.kind : "neo4j";
}

/* Failures since the window began that this tier was named for cannot be told apart by tier: what
 * is counted is whether it answers now, and how fast. */
static json_t *health_of(struct store *store, const char *name, bool *reachable)
{
    struct error error = {0};
    uint64_t began = clock_now_ns();
    *reachable = probe(store, name, &error) == 0;
    return json_pack("{s:s, s:s, s:b, s:f, s:o}", "tier", name, "kind", kind_of(store, name),
                     "reachable", *reachable, "latency_ms", ms_since(began), "error",
                     *reachable ? json_null() : json_string(error.text));
}

static int get_tier_health(struct tool_call *call)
{
    bool reachable;
    call->structured = health_of(call->store, tool_text(call, "tier", "records"), &reachable);
    return call->structured ? 0 : tool_fail(call, "internal", "out of memory");
}

/* The vectors in memory and the rows that they are made of. */
static int64_t vectors_apart(struct store *store)
{
    int64_t apart = 0;
    for (int space = 0; space < VECTORS_SPACES; space++) {
        struct vector_facts facts;
        vectors_facts(store->vectors, (enum vector_space)space, &facts);
        apart += facts.kept - facts.count;
    }
    return apart;
}

static int system_health(struct tool_call *call)
{
    json_t *all = json_array(), *reasons = json_array();
    char text[160];
    for (size_t i = 0; i < TIER_COUNT; i++) {
        bool reachable;
        json_array_append_new(all, health_of(call->store, tiers[i].name, &reachable));
        if (reachable)
            continue;
        snprintf(text, sizeof text,
                 "%s does not answer: calls that need it fail with "
                 "tier_unavailable, the others go on",
                 tiers[i].name);
        json_array_append_new(reasons, json_string(text));
    }
    int64_t apart = vectors_apart(call->store);
    if (apart != 0) {
        snprintf(text, sizeof text,
                 "the vector indexes are %lld vectors apart from the records; they are made "
                 "anew when they are searched",
                 (long long)apart);
        json_array_append_new(reasons, json_string(text));
    }
    call->structured =
        json_pack("{s:s, s:o, s:o, s:I}", "status",
                  json_array_size(reasons) ? "degraded" : "healthy", "reasons", reasons, "tiers",
                  all, "uptime_ms", (json_int_t)(store_now_ms() - call->store->opened_at));
    return 0;
}

/* ---- latency -------------------------------------------------------------------------------- */

static int require_tool(struct tool_call *call, const char **name)
{
    *name = tool_text(call, "tool", NULL);
    return !*name || tool_find(*name)
               ? 0
               : tool_fail(call, "not_found", "tool: there is no tool \"%.100s\"", *name);
}

static int get_tool_latency(struct tool_call *call)
{
    const char *name;
    if (require_tool(call, &name) < 0)
        return -1;
    call->structured = json_pack("{s:I, s:o}", "window_started_at",
                                 (json_int_t)usage_window_start(call->store->usage), "tools",
                                 usage_latency(call->store->usage, name));
    return 0;
}

static int get_slow_operations(struct tool_call *call)
{
    const char *name;
    if (require_tool(call, &name) < 0)
        return -1;
    call->structured =
        json_pack("{s:o}", "operations",
                  usage_slowest(call->store->usage, name, tool_number(call, "min_ms", 0),
                                (size_t)tool_integer(call, "limit", 10)));
    return 0;
}

static int reset_performance_counters(struct tool_call *call)
{
    uint64_t calls = usage_reset(call->store->usage);
    call->structured =
        json_pack("{s:I, s:I}", "calls_of_last_window", (json_int_t)calls, "window_started_at",
                  (json_int_t)usage_window_start(call->store->usage));
    return 0;
}

static double quantile_ms(const struct histogram *latency, double fraction)
{
    return (double)histogram_quantile(latency, fraction) / (double)NS_PER_MS;
}

static int benchmark_tier(struct tool_call *call)
{
    const struct tier *tier = tier_named(tool_text(call, "tier", "records"));
    unsigned operations = (unsigned)tool_integer(call, "operations", 100), done = 0;
    struct histogram latency;
    uint64_t began = clock_now_ns();
    int failed = 0;
    histogram_init(&latency);
    for (; done < operations && failed == 0; done++) {
        uint64_t start = clock_now_ns();
        failed = tier->touch(call->store, done, &call->error);
        histogram_record(&latency, clock_now_ns() - start);
        if (failed == 0 && tool_progress(call, done + 1, operations) < 0) {
            histogram_free(&latency);
            return -1;
        }
    }
    double total_ms = ms_since(began);
    if (failed == 0 &&
        records_run(call->store->records, &call->error, "DELETE FROM benchmark_rows", "") < 0)
        failed = -1;
    call->structured =
        json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "tier", tier->name, "operation",
                  tier->operation, "operations", (json_int_t)done, "per_second",
                  total_ms > 0 ? done * 1000.0 / total_ms : 0.0, "p50_ms",
                  quantile_ms(&latency, 0.5), "p95_ms", quantile_ms(&latency, 0.95), "p99_ms",
                  quantile_ms(&latency, 0.99), "max_ms", quantile_ms(&latency, 1));
    histogram_free(&latency);
    return failed < 0 ? tool_fail_tier(call) : 0;
}

/* ---- the process ---------------------------------------------------------------------------- */

static json_int_t entries_of(const char *path)
{
    json_int_t count = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 2 ? count - 2 : 0; /* without . and .. */
}

/* Since Linux 6.2 the size of the folder is how many there are; before it is 0. */
static json_int_t descriptor_count(void)
{
    struct stat facts;
    return stat("/proc/self/fd", &facts) == 0 && facts.st_size > 0 ? (json_int_t)facts.st_size
                                                                   : entries_of("/proc/self/fd");
}

/* The links of the folder are two and one for each thread. */
static json_int_t thread_count(void)
{
    struct stat facts;
    return stat("/proc/self/task", &facts) == 0 && facts.st_nlink > 2
               ? (json_int_t)facts.st_nlink - 2
               : entries_of("/proc/self/task");
}

static json_int_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long size = 0, resident = 0;
    int read = file ? fscanf(file, "%ld %ld", &size, &resident) : 0;
    if (file)
        fclose(file);
    return read == 2 ? (json_int_t)resident * 4096 : 0;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int get_resource_usage(struct tool_call *call)
{
    struct rusage used;
    struct rlimit limit;
    getrusage(RUSAGE_SELF, &used);
    getrlimit(RLIMIT_NOFILE, &limit);
    call->structured = json_pack(
        "{s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "user_cpu_seconds", seconds_of(used.ru_utime),
        "system_cpu_seconds", seconds_of(used.ru_stime), "resident_bytes", resident_bytes(),
        "peak_resident_bytes", (json_int_t)used.ru_maxrss * 1024, "descriptors", descriptor_count(),
        "descriptor_limit", (json_int_t)limit.rlim_cur, "threads", thread_count(), "uptime_ms",
        (json_int_t)(store_now_ms() - call->store->opened_at));
    return 0;
}

static json_t *pool(const char *name, const char *kind, unsigned size, unsigned in_use,
                    unsigned waiting)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I}", "tier", name, "kind", kind, "size",
                     (json_int_t)size, "in_use", (json_int_t)in_use, "waiting",
                     (json_int_t)waiting);
}

static int get_connection_pools(struct tool_call *call)
{
    struct cache_facts cache = {0};
    struct graph_facts graph = {0};
    if (cache_facts(call->store->cache, &cache, &call->error) < 0 ||
        graph_facts(call->store->graph, &graph, &call->error) < 0)
        return tool_fail_tier(call);
    /* this call holds the one connection to the records */
    call->structured =
        json_pack("{s:[o, o, o]}", "pools", pool("records", "sqlite", 1, 1, 0),
                  pool("cache", cache.kind, cache.connections, cache.in_use, 0),
                  pool("graph", graph.kind, graph.connections, graph.in_use, graph.waiting));
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define TIER "\"tier\": {\"enum\": [\"records\", \"vectors\", \"cache\", \"graph\"], \"description\": \"which\"}"
#define TOOL "\"tool\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"description\": \"only this one\"}"
#define INTEGER(name) "\"" name "\": {\"type\": \"integer\"}"
#define STRING(name) "\"" name "\": {\"type\": \"string\"}"
#define NUMBER(name) "\"" name "\": {\"type\": \"number\"}"
#define QUANTILES NUMBER("p50_ms") "," NUMBER("p95_ms") "," NUMBER("p99_ms") "," NUMBER("max_ms")
#define HEALTH STRING("tier") "," STRING("kind") ", \"reachable\": {\"type\": \"boolean\"}," NUMBER("latency_ms") ", \"error\": {\"type\": [\"string\", \"null\"]}"
#define HEALTH_NAMES "\"tier\", \"kind\", \"reachable\", \"latency_ms\", \"error\""
#define OBJECTS(name, properties, required) \
    "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}}"
#define READS TOOL_READ_ONLY | TOOL_IDEMPOTENT
#define PLAIN INPUT_SCHEMA("", "", JSON({}))

static const struct tool tools[] = {
    {"system_health", "Health of the memory", "Whether the memory is healthy or degraded, and why; each tier is asked. Use it first when calls fail.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA("\"status\": {\"enum\": [\"healthy\", \"degraded\"]}, \"reasons\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}},"
           OBJECTS("tiers", HEALTH, HEALTH_NAMES) "," INTEGER("uptime_ms"), "\"status\", \"reasons\", \"tiers\", \"uptime_ms\""), system_health},
    {"get_tier_health", "Health of a tier", "Whether one tier answers, how fast, and what it says if not.", "ana", READS,
     INPUT_SCHEMA(TIER, "\"tier\"", JSON({"tier": "records"})), OUTPUT_SCHEMA(HEALTH, HEALTH_NAMES), get_tier_health},
    {"get_tool_latency", "Latency of tools", "Calls, failures and percentiles of latency per tool since the window began (HDR histograms, 3 digits).", "ana", READS,
     INPUT_SCHEMA(TOOL, "", JSON({}) "," JSON({"tool": "store_memory"})),
     OUTPUT_SCHEMA(INTEGER("window_started_at") "," OBJECTS("tools", STRING("tool") "," INTEGER("calls") "," INTEGER("failures") "," NUMBER("mean_ms") "," QUANTILES,
           "\"tool\", \"calls\", \"failures\", \"mean_ms\", \"p50_ms\", \"p95_ms\", \"p99_ms\", \"max_ms\""), "\"window_started_at\", \"tools\""), get_tool_latency},
    {"get_slow_operations", "Slowest calls", "The slowest of the last 1,024 calls. Use it to find what to make faster.", "ana", READS,
     INPUT_SCHEMA(TOOL ", \"min_ms\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 3600000, \"default\": 0, \"description\": \"leave out what was faster\"}"
           ", \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 10, \"description\": \"results at most\"}", "", JSON({"limit": 5})),
     OUTPUT_SCHEMA(OBJECTS("operations", STRING("tool") "," INTEGER("at") "," NUMBER("milliseconds") "," STRING("outcome") "," STRING("client"),
           "\"tool\", \"at\", \"milliseconds\", \"outcome\", \"client\""), "\"operations\""), get_slow_operations},
    {"benchmark_tier", "Measure a tier", "Do some operations on a tier and measure each; what they make is removed. At most 500, since others wait meanwhile.", "ana", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(TIER ", \"operations\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 500, \"default\": 100, \"description\": \"how many\"}", "\"tier\"",
           JSON({"tier": "cache", "operations": 50})),
     OUTPUT_SCHEMA(STRING("tier") "," STRING("operation") "," INTEGER("operations") "," NUMBER("per_second") "," QUANTILES,
           "\"tier\", \"operation\", \"operations\", \"per_second\", \"p50_ms\", \"p99_ms\", \"max_ms\""), benchmark_tier},
    {"get_resource_usage", "What the server uses", "CPU, memory, descriptors and threads of the server's process.", "ana", TOOL_PURE | TOOL_IDEMPOTENT, PLAIN,
     OUTPUT_SCHEMA(NUMBER("user_cpu_seconds") "," NUMBER("system_cpu_seconds") "," INTEGER("resident_bytes") "," INTEGER("peak_resident_bytes") "," INTEGER("descriptors") ","
           INTEGER("descriptor_limit") "," INTEGER("threads") "," INTEGER("uptime_ms"),
           "\"user_cpu_seconds\", \"system_cpu_seconds\", \"resident_bytes\", \"descriptors\", \"threads\", \"uptime_ms\""), get_resource_usage},
    {"get_connection_pools", "Connections to the tiers", "Connections to each tier: how many, in use, waited for. An embedded tier has none.", "ana", READS, PLAIN,
     OUTPUT_SCHEMA(OBJECTS("pools", STRING("tier") "," STRING("kind") "," INTEGER("size") "," INTEGER("in_use") "," INTEGER("waiting"),
           "\"tier\", \"kind\", \"size\", \"in_use\", \"waiting\""), "\"pools\""), get_connection_pools},
    {"reset_performance_counters", "Begin a new window", "Forget the latencies seen so far and begin a new window; sums in the records stay. Use it before a measurement.", "ana", 0, PLAIN,
     OUTPUT_SCHEMA(INTEGER("calls_of_last_window") "," INTEGER("window_started_at"), "\"calls_of_last_window\", \"window_started_at\""), reset_performance_counters},
};
/* clang-format on */

const struct tool_group tools_performance = {
    .name = "performance",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
