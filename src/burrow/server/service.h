/* What a server serves, whatever the transport: the tools in the order of their names with their
 * figures, and the pages of tools/list, made once. */
#ifndef BURROW_SERVER_SERVICE_H
#define BURROW_SERVER_SERVICE_H

#include "base/buffer.h"
#include "burrow/tools/dispatch.h"
#include "metrics/histogram.h"

#include <pthread.h>

#define SERVICE_PAGE_TOOLS 50 /* in a page of tools/list */

struct service_tool {
    const struct tool *tool;
    pthread_mutex_t lock; /* of the figures below */
    struct histogram latency;
    uint64_t failures; /* of latency.count calls */
};

struct service_page {
    char *full;  /* the members of a ListToolsResult: "tools":[...],"nextCursor":"..." */
    char *plain; /* without outputSchema and title: before 2025-06-18 */
};

/* What rows of a table are as resources: SCHEME://ID. */
struct resource_kind {
    const char *scheme, *table, *mime_type;
    const char *list, *read; /* SQL: before an id, the newest first, so many; by id */
};
enum { RESOURCE_MEMORIES, RESOURCE_DIAGRAMS, RESOURCE_KINDS };
extern const struct resource_kind resource_kinds[RESOURCE_KINDS];

struct service {
    struct store *store;
    struct dispatch *dispatch;
    struct service_tool *tools; /* by name */
    size_t count;
    struct service_page *pages;
    size_t page_count;                  /* at least 1 */
    bool has_resources[RESOURCE_KINDS]; /* the records have their table, with ids that are integers
                                         */
    bool confirm_destructive; /* ask the user before a destructive tool runs; set it before serving
                               */
    uint64_t started_ns;
};

/* NULL with an error that names the tool at fault. `store` must outlive it. */
struct service *service_open(struct store *store, struct error *error);
void service_close(struct service *service); /* harmless on NULL */

struct service_tool *service_find(struct service *service, const char *name); /* NULL: none */
void service_count_call(struct service_tool *tool, uint64_t latency_ns, bool failed);
/* The page a cursor stands for; NULL cursor is the first. -1: it is none of ours. */
int service_page_index(const struct service *service, const char *cursor);

/* Prometheus text of the tools: burrow_tool_calls_total, burrow_tool_duration_seconds. */
int service_metrics(struct service *service, struct buffer *out);
/* Markdown of every tool, in the order of the groups: docs/tools.md. Needs no service. */
int service_document(struct buffer *out);

#endif
