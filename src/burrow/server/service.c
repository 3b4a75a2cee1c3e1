/* See service.h. */
#include "burrow/server/service.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LIMIT ((size_t)16 << 20)

static int by_name(const void *one, const void *other)
{
    const struct service_tool *a = one, *b = other;
    return strcmp(a->tool->name, b->tool->name);
}

static int name_of(const void *name, const void *tool)
{
    return strcmp(name, ((const struct service_tool *)tool)->tool->name);
}

static json_t *annotations(const struct tool *tool)
{
    bool read_only = tool->flags & (TOOL_READ_ONLY | TOOL_PURE);
    json_t *hints = json_pack("{s:b, s:b}", "readOnlyHint", read_only, "openWorldHint", 0);
    if (hints && !read_only) {
        json_object_set_new(hints, "destructiveHint", json_boolean(tool->flags & TOOL_DESTRUCTIVE));
        json_object_set_new(hints, "idempotentHint", json_boolean(tool->flags & TOOL_IDEMPOTENT));
    }
    return hints;
}

/* `full`: with what came with 2025-06-18. */
static json_t *describe(const struct tool *tool, bool full)
{
    json_t *entry = json_pack(
        "{s:s, s:s, s:o?, s:o}", "name", tool->name, "description", tool->description,
        "inputSchema", json_loads(tool->input_schema, 0, NULL), "annotations", annotations(tool));
    if (entry && full) {
        json_object_set_new(entry, "title", json_string(tool->title));
        json_object_set_new(entry, "outputSchema", json_loads(tool->output_schema, 0, NULL));
        json_object_set_new(entry, "_meta", json_pack("{s:s}", "burrow/category", tool->category));
    }
    return entry;
}

static char *make_page(const struct service *service, size_t page, bool full)
{
    size_t first = page * SERVICE_PAGE_TOOLS, end = first + SERVICE_PAGE_TOOLS;
    struct buffer out;
    json_t *tools = json_array();
    for (size_t i = first; i < end && i < service->count; i++)
        json_array_append_new(tools, describe(service->tools[i].tool, full));
    char *text = json_dumps(tools, JSON_COMPACT);
    json_decref(tools);
    buffer_init(&out, PAGE_LIMIT);
    int result = text ? buffer_printf(&out, "\"tools\":%s", text) : -1;
    free(text);
    if (result == 0 && page + 1 < service->page_count)
        result = buffer_printf(&out, ",\"nextCursor\":\"page-%zu\"", page + 1);
    if (result < 0) {
        buffer_free(&out);
        return NULL;
    }
    return buffer_take_string(&out);
}

static int make_pages(struct service *service)
{
    size_t count = (service->count + SERVICE_PAGE_TOOLS - 1) / SERVICE_PAGE_TOOLS;
    service->page_count = count ? count : 1;
    service->pages = calloc(service->page_count, sizeof *service->pages);
    if (!service->pages)
        return -1;
    for (size_t i = 0; i < service->page_count; i++) {
        service->pages[i].full = make_page(service, i, true);
        service->pages[i].plain = make_page(service, i, false);
        if (!service->pages[i].full || !service->pages[i].plain)
            return -1;
    }
    return 0;
}

static int collect_tools(struct service *service)
{
    size_t count = 0;
    for (size_t g = 0; tool_groups[g]; g++)
        count += tool_groups[g]->count;
    service->tools = calloc(count + 1, sizeof *service->tools);
    if (!service->tools)
        return -1;
    for (size_t g = 0; tool_groups[g]; g++)
        for (size_t i = 0; i < tool_groups[g]->count; i++)
            service->tools[service->count++].tool = &tool_groups[g]->tools[i];
    qsort(service->tools, service->count, sizeof *service->tools, by_name);
    for (size_t i = 0; i < service->count; i++) {
        pthread_mutex_init(&service->tools[i].lock, NULL);
        histogram_init(&service->tools[i].latency);
    }
    return 0;
}

static bool has_table(struct store *store, const char *table)
{
    struct error error;
    int64_t found = 0;
    pthread_mutex_lock(&store->lock);
    int result = records_integer(store->records, &error, 0, &found,
                                 "SELECT count(*) FROM pragma_table_info(?1) "
                                 "WHERE name = 'id' AND upper(type) = 'INTEGER'",
                                 "s", table);
    pthread_mutex_unlock(&store->lock);
    return result == 0 && found > 0;
}

struct service *service_open(struct store *store, struct error *error)
{
    struct service *service = calloc(1, sizeof *service);
    if (!service) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    service->store = store;
    service->started_ns = clock_now_ns();
    service->dispatch = dispatch_open(store, error);
    if (!service->dispatch) {
        service_close(service);
        return NULL;
    }
    if (collect_tools(service) < 0 || make_pages(service) < 0) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        service_close(service);
        return NULL;
    }
    for (size_t i = 0; i < RESOURCE_KINDS; i++)
        service->has_resources[i] = has_table(store, resource_kinds[i].table);
    return service;
}

void service_close(struct service *service)
{
    if (!service)
        return;
    for (size_t i = 0; service->pages && i < service->page_count; i++) {
        free(service->pages[i].full);
        free(service->pages[i].plain);
    }
    for (size_t i = 0; i < service->count; i++) {
        histogram_free(&service->tools[i].latency);
        pthread_mutex_destroy(&service->tools[i].lock);
    }
    free(service->pages);
    free(service->tools);
    dispatch_close(service->dispatch);
    free(service);
}

struct service_tool *service_find(struct service *service, const char *name)
{
    return bsearch(name, service->tools, service->count, sizeof *service->tools, name_of);
}

void service_count_call(struct service_tool *tool, uint64_t latency_ns, bool failed)
{
    pthread_mutex_lock(&tool->lock);
    histogram_record(&tool->latency, latency_ns);
    tool->failures += failed;
    pthread_mutex_unlock(&tool->lock);
}

int service_page_index(const struct service *service, const char *cursor)
{
    char *end;
    if (!cursor)
        return 0;
    if (strncmp(cursor, "page-", 5) != 0 || cursor[5] < '1' || cursor[5] > '9' ||
        strlen(cursor) > 10)
        return -1;
    unsigned long page = strtoul(cursor + 5, &end, 10);
    return *end == '\0' && page < service->page_count ? (int)page : -1;
}

/* The figures of a tool at one moment. */
struct figures {
    uint64_t count, failures, sum_ns, quantiles_ns[3];
};

static const double quantiles[] = {0.5, 0.95, 0.99};

static struct figures read_figures(struct service_tool *tool)
{
    struct figures figures;
    pthread_mutex_lock(&tool->lock);
    figures.count = tool->latency.count;
    figures.failures = tool->failures;
    figures.sum_ns = tool->latency.sum_ns;
    for (size_t q = 0; q < 3; q++)
        figures.quantiles_ns[q] = histogram_quantile(&tool->latency, quantiles[q]);
    pthread_mutex_unlock(&tool->lock);
    return figures;
}

static int print_calls(const char *name, const struct figures *figures, struct buffer *out)
{
    return buffer_printf(out,
                         "burrow_tool_calls_total{tool=\"%s\",outcome=\"success\"} %llu\n"
                         "burrow_tool_calls_total{tool=\"%s\",outcome=\"failure\"} %llu\n",
                         name, (unsigned long long)(figures->count - figures->failures), name,
                         (unsigned long long)figures->failures);
}

static int print_durations(const char *name, const struct figures *figures, struct buffer *out)
{
    int result = 0;
    for (size_t q = 0; q < 3; q++)
        result |=
            buffer_printf(out, "burrow_tool_duration_seconds{tool=\"%s\",quantile=\"%g\"} %.9f\n",
                          name, quantiles[q], (double)figures->quantiles_ns[q] / (double)NS_PER_S);
    return result | buffer_printf(out,
                                  "burrow_tool_duration_seconds_sum{tool=\"%s\"} %.9f\n"
                                  "burrow_tool_duration_seconds_count{tool=\"%s\"} %llu\n",
                                  name, (double)figures->sum_ns / (double)NS_PER_S, name,
                                  (unsigned long long)figures->count);
}

/* Tools that were never called are left out: a line of zeros for each of them helps nobody. */
static int print_each(struct service *service, struct buffer *out,
                      int (*print)(const char *name, const struct figures *, struct buffer *))
{
    int result = 0;
    for (size_t i = 0; i < service->count; i++) {
        struct figures figures = read_figures(&service->tools[i]);
        if (figures.count > 0)
            result |= print(service->tools[i].tool->name, &figures, out);
    }
    return result;
}

int service_metrics(struct service *service, struct buffer *out)
{
    int result = buffer_printf(out,
                               "# HELP burrow_tools Tools that are served.\n"
                               "# TYPE burrow_tools gauge\nburrow_tools %zu\n"
                               "# HELP burrow_uptime_seconds Time since start.\n"
                               "# TYPE burrow_uptime_seconds gauge\nburrow_uptime_seconds %.3f\n"
                               "# HELP burrow_tool_calls_total Calls of a tool by outcome.\n"
                               "# TYPE burrow_tool_calls_total counter\n",
                               service->count,
                               (double)(clock_now_ns() - service->started_ns) / (double)NS_PER_S);
    result |= print_each(service, out, print_calls);
    result |= buffer_append_text(
        out,
        "# HELP burrow_tool_duration_seconds Time in a tool, the wait for the store included.\n"
        "# TYPE burrow_tool_duration_seconds summary\n");
    return result | print_each(service, out, print_durations);
}

static int document_arguments(const struct tool *tool, struct buffer *out)
{
    json_t *schema = json_loads(tool->input_schema, 0, NULL);
    json_t *required = json_object_get(schema, "required"), *property, *name;
    const char *key;
    size_t index;
    int result = 0;
    json_object_foreach(json_object_get(schema, "properties"), key, property)
    {
        bool must = false;
        json_array_foreach(required, index, name) must |= strcmp(json_string_value(name), key) == 0;
        const char *type = json_string_value(json_object_get(property, "type"));
        const char *text = json_string_value(json_object_get(property, "description"));
        result |= buffer_printf(out, "- `%s`%s%s%s%s%s\n", key, type ? " " : "", type ? type : "",
                                must ? ", required" : "", text ? ": " : "", text ? text : "");
    }
    json_t *example = json_array_get(json_object_get(schema, "examples"), 0);
    char *text = example ? json_dumps(example, JSON_ENCODE_ANY) : NULL;
    if (text)
        result |= buffer_printf(out, "\nExample: `%s`\n", text);
    free(text);
    json_decref(schema);
    return result;
}

static const char *kind_of(const struct tool *tool)
{
    if (tool->flags & (TOOL_READ_ONLY | TOOL_PURE))
        return "reads only";
    if (tool->flags & TOOL_DESTRUCTIVE)
        return tool->flags & TOOL_IDEMPOTENT ? "destructive, idempotent" : "destructive";
    return tool->flags & TOOL_IDEMPOTENT ? "writes, idempotent" : "writes";
}

int service_document(struct buffer *out)
{
    size_t count = 0;
    for (size_t g = 0; tool_groups[g]; g++)
        count += tool_groups[g]->count;
    int result = buffer_printf(out,
                               "# The tools of burrow\n\nMade by `burrow tools > docs/tools.md`; "
                               "do not edit. %zu tools.\n",
                               count);
    for (size_t g = 0; tool_groups[g]; g++) {
        const struct tool_group *group = tool_groups[g];
        result |= buffer_printf(out, "\n## %s (%zu)\n", group->name, group->count);
        for (size_t i = 0; i < group->count; i++) {
            const struct tool *tool = &group->tools[i];
            result |= buffer_printf(out, "\n### %s\n\n%s (%s; %s).\n%s\n\n", tool->name,
                                    tool->title, tool->category, kind_of(tool), tool->description);
            result |= document_arguments(tool, out);
        }
    }
    return result;
}
