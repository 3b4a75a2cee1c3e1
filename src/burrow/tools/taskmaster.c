/* taskmaster: tasks with priority, due date and status, what each needs done first, and the order
 * that follows. Dependencies are rows; the graph has them as relations between "task:ID" nodes too.
 */
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_LIMIT 100
#define ORDER_LIMIT 1000 /* open tasks that one order is made of */

static const char *const migrations[] = {
    "CREATE TABLE todos(id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
    " description TEXT NOT NULL, status TEXT NOT NULL, priority TEXT NOT NULL, due_at INTEGER,"
    " minutes INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
    " completed_at INTEGER, note TEXT);"
    "CREATE INDEX todos_status ON todos(status, id);"
    "CREATE INDEX todos_priority ON todos(priority, id);"
    "CREATE VIRTUAL TABLE todo_words USING fts5(title, description, content='todos',"
    " content_rowid='id');"
    "CREATE TRIGGER todos_inserted AFTER INSERT ON todos BEGIN"
    " INSERT INTO todo_words(rowid, title, description)"
    " VALUES(new.id, new.title, new.description); END;"
    "CREATE TRIGGER todos_updated AFTER UPDATE OF title, description ON todos BEGIN"
    " INSERT INTO todo_words(todo_words, rowid, title, description)"
    " VALUES('delete', old.id, old.title, old.description);"
    " INSERT INTO todo_words(rowid, title, description)"
    " VALUES(new.id, new.title, new.description); END;"
    "CREATE TABLE todo_needs(task INTEGER NOT NULL REFERENCES todos(id) ON DELETE CASCADE,"
    " needed INTEGER NOT NULL REFERENCES todos(id) ON DELETE CASCADE,"
    " PRIMARY KEY(task, needed)) WITHOUT ROWID;"
    "CREATE INDEX todo_needs_needed ON todo_needs(needed, task)",
    "CREATE INDEX todos_time ON todos(created_at)",
    /* store->todo_words took their place */
    "DROP TRIGGER todos_inserted; DROP TRIGGER todos_updated; DROP TABLE todo_words", NULL};

static int open_words(struct store *store, struct error *error)
{
    if (store->todo_words)
        return 0;
    store->todo_words = word_index_open(
        store->records,
        "SELECT id, title || char(10) || description FROM todos WHERE id > ?1 ORDER BY id LIMIT ?2",
        error);
    return store->todo_words ? word_index_load(store->todo_words, error) : -1;
}

#define TODO_COLUMNS                                                                               \
    "id, title, description, status, priority, due_at, minutes, created_at, updated_at,"           \
    " completed_at, note"

static json_t *integer_or_null(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL
               ? json_null()
               : json_integer((json_int_t)sqlite3_column_int64(row, column));
}

static json_t *todo_of(sqlite3_stmt *row)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     integer_or_null(row, 0), "title", records_json_text(row, 1), "description",
                     records_json_text(row, 2), "status", records_json_text(row, 3), "priority",
                     records_json_text(row, 4), "due_at", integer_or_null(row, 5), "minutes",
                     integer_or_null(row, 6), "created_at", integer_or_null(row, 7), "updated_at",
                     integer_or_null(row, 8), "completed_at", integer_or_null(row, 9), "note",
                     records_json_text(row, 10));
}

/* The one row of `row` as the result under "todo"; not found otherwise. */
static int answer_with(struct tool_call *call, sqlite3_stmt *row, int64_t id)
{
    if (row && records_next(row, &call->error)) {
        call->structured = json_pack("{s:o}", "todo", todo_of(row));
        records_done(row);
        return 0;
    }
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return tool_fail(call, "not_found", "id: there is no task %lld; list_todos shows them",
                     (long long)id);
}

static int answer_with_all(struct tool_call *call, sqlite3_stmt *row)
{
    json_t *todos = json_array();
    while (row && records_next(row, &call->error))
        json_array_append_new(todos, todo_of(row));
    call->structured = json_pack("{s:o}", "todos", todos);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static int find_todo(struct tool_call *call, int64_t id)
{
    return answer_with(call,
                       records_query(call->store->records, &call->error,
                                     "SELECT " TODO_COLUMNS " FROM todos WHERE id = ?1", "i", id),
                       id);
}

static int add_todo(struct tool_call *call)
{
    int64_t now = store_now_ms(), due = tool_integer(call, "due_at", -1);
    struct records *records = call->store->records;
    char key[32];
    if (records_run(records, &call->error,
                    "INSERT INTO todos(title, description, status, priority, due_at, minutes,"
                    " created_at, updated_at)"
                    " VALUES(?1, ?2, 'open', ?3, iif(?4 < 0, NULL, ?4), ?5, ?6, ?6)",
                    "sssiii", tool_text(call, "title", ""), tool_text(call, "description", ""),
                    tool_text(call, "priority", "medium"), due, tool_integer(call, "minutes", 30),
                    now) < 0)
        return tool_fail_tier(call);
    int64_t id = records_last_id(records);
    snprintf(key, sizeof key, "task:%lld", (long long)id);
    if (graph_node_put(call->store->graph, key, "task", NULL, NULL, &call->error) < 0)
        return tool_fail_tier(call);
    if (word_index_put_kept(call->store->todo_words, id, &call->error) < 0)
        return tool_fail_tier(call);
    return find_todo(call, id);
}

/* The rendered task, for as long as nothing changes it. */
static void cache_key(char key[48], int64_t id)
{
    snprintf(key, 48, "todo:%lld", (long long)id);
}

static int get_todo(struct tool_call *call)
{
    char key[48], *kept;
    int64_t id = tool_integer(call, "id", 0);
    cache_key(key, id);
    enum cache_found found = cache_get(call->store->cache, key, &kept, NULL, &call->error);
    if (found == CACHE_FAILED)
        return tool_fail_tier(call);
    if (found == CACHE_FOUND) {
        call->structured = json_loads(kept, 0, NULL);
        free(kept);
        if (call->structured)
            return 0;
    }
    if (find_todo(call, id) < 0)
        return -1;
    char *text = json_dumps(call->structured, JSON_COMPACT);
    int failed =
        text ? cache_set(call->store->cache, key, text, strlen(text), 60000, &call->error) : 0;
    free(text);
    return failed < 0 ? tool_fail_tier(call) : 0;
}

static int forget_cached(struct tool_call *call, int64_t id)
{
    char key[48];
    cache_key(key, id);
    return cache_delete(call->store->cache, key, &call->error) == CACHE_FAILED
               ? tool_fail_tier(call)
               : 0;
}

static int list_todos(struct tool_call *call)
{
    return answer_with_all(
        call,
        records_query(call->store->records, &call->error,
                      "SELECT " TODO_COLUMNS " FROM todos"
                      " WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR priority = ?2)"
                      " ORDER BY id DESC LIMIT ?4 OFFSET ?3",
                      "ssii", tool_text(call, "status", NULL), tool_text(call, "priority", NULL),
                      tool_integer(call, "offset", 0), tool_integer(call, "limit", 20)));
}

static int update_todo(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0), due = tool_integer(call, "due_at", -1);
    bool renamed = tool_value(call, "title") || tool_value(call, "description");
    if (forget_cached(call, id) < 0)
        return -1;
    if (renamed && word_index_remove_kept(call->store->todo_words, id, &call->error) < 0)
        return tool_fail_tier(call);
    int failed = answer_with(
        call,
        records_query(call->store->records, &call->error,
                      "UPDATE todos SET title = coalesce(?2, title),"
                      " description = coalesce(?3, description), status = coalesce(?4, status),"
                      " priority = coalesce(?5, priority), due_at = iif(?6 < 0, due_at, ?6),"
                      " completed_at = CASE ?4 WHEN 'done' THEN coalesce(completed_at, ?7)"
                      "  WHEN 'open' THEN NULL WHEN 'in_progress' THEN NULL ELSE completed_at END,"
                      " updated_at = ?7 WHERE id = ?1 RETURNING " TODO_COLUMNS,
                      "issssii", id, tool_text(call, "title", NULL),
                      tool_text(call, "description", NULL), tool_text(call, "status", NULL),
                      tool_text(call, "priority", NULL), due, store_now_ms()),
        id);
    if (failed < 0 || !renamed)
        return failed;
    return word_index_put_kept(call->store->todo_words, id, &call->error) < 0 ? tool_fail_tier(call)
                                                                              : 0;
}

static int complete_todo(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    if (forget_cached(call, id) < 0)
        return -1;
    return answer_with(call,
                       records_query(call->store->records, &call->error,
                                     "UPDATE todos SET status = 'done', note = coalesce(?2, note),"
                                     " completed_at = coalesce(completed_at, ?3), updated_at = ?3"
                                     " WHERE id = ?1 RETURNING " TODO_COLUMNS,
                                     "isi", id, tool_text(call, "note", NULL), store_now_ms()),
                       id);
}

static int by_id(const void *one, const void *other)
{
    const struct word_hit *a = one, *b = other;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int search_todos(struct tool_call *call)
{
    struct word_hit hits[FOUND_LIMIT];
    const struct word_index_query words = {.text = tool_text(call, "query", ""),
                                           .wanted = WORD_INDEX_ALL};
    int count = word_index_search(call->store->todo_words, &words,
                                  (size_t)tool_integer(call, "limit", 20), hits, &call->error);
    if (count < 0)
        return tool_fail_tier(call);
    qsort(hits, (size_t)count, sizeof *hits, by_id);
    json_t *todos = json_array();
    for (int i = 0; i < count; i++) {
        sqlite3_stmt *row =
            records_query(call->store->records, &call->error,
                          "SELECT " TODO_COLUMNS " FROM todos WHERE id = ?1", "i", hits[i].id);
        while (row && records_next(row, &call->error))
            json_array_append_new(todos, todo_of(row));
    }
    call->structured = json_pack("{s:o}", "todos", todos);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- dependencies --------------------------------------------------------------------------- */

static int require_todo(struct tool_call *call, const char *argument, int64_t id)
{
    int64_t there = 0;
    if (records_integer(call->store->records, &call->error, 0, &there,
                        "SELECT 1 FROM todos WHERE id = ?1", "i", id) < 0)
        return tool_fail_tier(call);
    return there ? 0
                 : tool_fail(call, "not_found", "%s: there is no task %lld; list_todos shows them",
                             argument, (long long)id);
}

static int add_task_dependency(struct tool_call *call)
{
    int64_t task = tool_integer(call, "task", 0), needed = tool_integer(call, "needs", 0),
            cycle = 0;
    struct records *records = call->store->records;
    char from[32], to[32];
    if (require_todo(call, "task", task) < 0 || require_todo(call, "needs", needed) < 0)
        return -1;
    if (records_integer(records, &call->error, 0, &cycle,
                        "WITH RECURSIVE below(id) AS (SELECT ?1 UNION SELECT n.needed FROM"
                        " todo_needs n JOIN below b ON n.task = b.id)"
                        " SELECT 1 FROM below WHERE id = ?2",
                        "ii", needed, task) < 0)
        return tool_fail_tier(call);
    if (cycle)
        return tool_fail(call, "conflict",
                         "needs: task %lld needs task %lld already, itself or through others; a "
                         "cycle could never be done",
                         (long long)needed, (long long)task);
    snprintf(from, sizeof from, "task:%lld", (long long)task);
    snprintf(to, sizeof to, "task:%lld", (long long)needed);
    int64_t added = records_run(records, &call->error,
                                "INSERT OR IGNORE INTO todo_needs(task, needed) VALUES(?1, ?2)",
                                "ii", task, needed);
    if (added < 0 ||
        graph_relation_put(call->store->graph, from, "needs", to, NULL, NULL, &call->error) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I, s:I, s:b}", "task", (json_int_t)task, "needs",
                                 (json_int_t)needed, "added", added > 0);
    return 0;
}

struct node {
    int64_t id, minutes, start; /* start: minutes until all it needs is done */
    char title[64];
    unsigned waiting;  /* for so many */
    int critical_from; /* the one it starts after; -1: none */
};

struct order {
    struct node nodes[ORDER_LIMIT];
    int count;
    int (*edges)[2]; /* node, what it needs */
    int edge_count;
};

static int place_of(const struct order *order, int64_t id)
{
    int low = 0, high = order->count - 1; /* the nodes are in the order of their ids */
    while (low <= high) {
        int middle = (low + high) / 2;
        if (order->nodes[middle].id == id)
            return middle;
        if (order->nodes[middle].id < id)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

/* The tasks that are not done: all of them, or one with all it needs. */
static int load_nodes(struct tool_call *call, struct order *order)
{
    int64_t root = tool_integer(call, "task", 0);
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "WITH RECURSIVE below(id) AS (SELECT ?1 WHERE ?1 > 0 UNION SELECT n.needed FROM"
        " todo_needs n JOIN below b ON n.task = b.id)"
        " SELECT id, minutes, title FROM todos WHERE status <> 'done'"
        " AND (?1 = 0 OR id IN (SELECT id FROM below)) ORDER BY id LIMIT ?2",
        "ii", root, (int64_t)ORDER_LIMIT);
    while (row && records_next(row, &call->error)) {
        struct node *node = &order->nodes[order->count++];
        *node =
            (struct node){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), 0, "", 0, -1};
        const char *title = records_text(row, 2);
        size_t length = strnlen(title, sizeof node->title - 1);
        while (title[length] && ((unsigned char)title[length] & 0xC0) == 0x80)
            length--; /* never half a character */
        memcpy(node->title, title, length);
    }
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static int load_edges(struct tool_call *call, struct order *order)
{
    int room = 0;
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT task, needed FROM todo_needs", "");
    while (row && records_next(row, &call->error)) {
        int task = place_of(order, sqlite3_column_int64(row, 0));
        int needed = place_of(order, sqlite3_column_int64(row, 1));
        if (task < 0 || needed < 0)
            continue;
        if (order->edge_count == room) {
            room = room ? room * 2 : 64;
            void *edges = realloc(order->edges, (size_t)room * sizeof *order->edges);
            if (!edges) {
                records_done(row);
                return tool_fail(call, "internal", "out of memory");
            }
            order->edges = edges;
        }
        order->edges[order->edge_count][0] = task;
        order->edges[order->edge_count++][1] = needed;
        order->nodes[task].waiting++;
    }
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* Kahn's algorithm; the longest chain of minutes is found on the way. */
static json_t *sort_nodes(struct order *order, int *last)
{
    json_t *sorted = json_array();
    int *ready = malloc((size_t)(order->count + 1) * sizeof *ready), count = 0;
    *last = -1;
    for (int i = 0; i < order->count; i++)
        if (order->nodes[i].waiting == 0)
            ready[count++] = i;
    for (int at = 0; at < count; at++) {
        const struct node *node = &order->nodes[ready[at]];
        int64_t end = node->start + node->minutes;
        if (*last < 0 || end > order->nodes[*last].start + order->nodes[*last].minutes)
            *last = ready[at];
        json_array_append_new(sorted,
                              json_pack("{s:I, s:s, s:I}", "id", (json_int_t)node->id, "title",
                                        node->title, "earliest_start", (json_int_t)node->start));
        for (int e = 0; e < order->edge_count; e++) {
            struct node *next = &order->nodes[order->edges[e][0]];
            if (order->edges[e][1] != ready[at])
                continue;
            if (end > next->start || next->critical_from < 0) {
                next->start = end;
                next->critical_from = ready[at];
            }
            if (--next->waiting == 0)
                ready[count++] = order->edges[e][0];
        }
    }
    free(ready);
    return sorted;
}

static int get_task_order(struct tool_call *call)
{
    int last, failed = -1;
    struct order *order = calloc(1, sizeof *order);
    if (!order)
        return tool_fail(call, "internal", "out of memory");
    if (load_nodes(call, order) == 0 && load_edges(call, order) == 0) {
        json_t *sorted = sort_nodes(order, &last), *critical = json_array();
        int64_t minutes = last < 0 ? 0 : order->nodes[last].start + order->nodes[last].minutes;
        for (int at = last; at >= 0; at = order->nodes[at].critical_from)
            json_array_insert_new(critical, 0, json_integer((json_int_t)order->nodes[at].id));
        call->structured = json_pack("{s:o, s:o, s:I}", "order", sorted, "critical_path", critical,
                                     "minutes", (json_int_t)minutes);
        failed = 0;
    }
    free(order->edges);
    free(order);
    return failed;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define ID(name, what) "\"" name "\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"" what "\"}"
#define TITLE       "\"title\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200, \"description\": \"what is to be done\"}"
#define DESCRIPTION "\"description\": {\"type\": \"string\", \"maxLength\": 16384, \"description\": \"details\"}"
#define PRIORITY    "\"priority\": {\"enum\": [\"low\", \"medium\", \"high\", \"urgent\"], \"description\": \"how much it matters\"}"
#define STATUS      "\"status\": {\"enum\": [\"open\", \"in_progress\", \"done\"]}"
#define DUE         "\"due_at\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 253402300799000, \"description\": \"Unix time in ms\"}"
#define PAGE        "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 20, \"description\": \"results at most\"}"
#define TODO \
    "{\"type\": \"object\", \"properties\": {\"id\": {\"type\": \"integer\"}, \"title\": {\"type\": \"string\"}," \
    "\"description\": {\"type\": \"string\"}," STATUS ", \"priority\": {\"type\": \"string\"}, \"due_at\": {\"type\": [\"integer\", \"null\"]}," \
    "\"minutes\": {\"type\": \"integer\"}, \"created_at\": {\"type\": \"integer\"}, \"updated_at\": {\"type\": \"integer\"}," \
    "\"completed_at\": {\"type\": [\"integer\", \"null\"]}, \"note\": {\"type\": [\"string\", \"null\"]}}," \
    "\"required\": [\"id\", \"title\", \"status\", \"priority\", \"created_at\"]}"
#define ONE  OUTPUT_SCHEMA("\"todo\": " TODO, "\"todo\"")
#define MANY OUTPUT_SCHEMA("\"todos\": {\"type\": \"array\", \"items\": " TODO "}", "\"todos\"")

static const struct tool tools[] = {
    {"add_todo", "Add a task",
     "Add a task with a title, a priority, a due time and an estimate. Use it when something has to be done later.",
     "mem", 0,
     INPUT_SCHEMA(TITLE "," DESCRIPTION "," PRIORITY "," DUE
           ", \"minutes\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 100000, \"default\": 30, \"description\": \"of work, estimated\"}",
           "\"title\"", JSON({"title": "Rotate the signing keys", "priority": "high", "minutes": 45})),
     ONE, add_todo},
    {"get_todo", "Get a task", "One task by its id. Use it before changing it.", "mem", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID("id", "of the task"), "\"id\"", JSON({"id": 1})), ONE, get_todo},
    {"list_todos", "List tasks", "Tasks by status and priority, newest first, in pages. Use it to see what is left.", "mem",
     TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(STATUS "," PRIORITY "," PAGE ", \"offset\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 10000000, \"default\": 0}", "",
           JSON({"status": "open", "limit": 10})),
     MANY, list_todos},
    {"update_todo", "Change a task", "Change fields of a task; what is not given stays.", "mem", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID("id", "of the task") "," TITLE "," DESCRIPTION "," PRIORITY "," STATUS "," DUE, "\"id\"",
           JSON({"id": 1, "status": "in_progress"})),
     ONE, update_todo},
    {"complete_todo", "Complete a task", "Finish a task, with a note on how it went.", "mem", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID("id", "of the task") ", \"note\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096, \"description\": \"how it went\"}",
           "\"id\"", JSON({"id": 1, "note": "rotated, old keys revoked"})),
     ONE, complete_todo},
    {"search_todos", "Search tasks", "Tasks whose title or description holds every word. Use it when the id is not known.", "mem",
     TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA("\"query\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 1024, \"description\": \"words\"}," PAGE, "\"query\"",
           JSON({"query": "signing keys"})),
     MANY, search_todos},
    {"add_task_dependency", "Make a task need another",
     "Say that one task needs another done first. A cycle is refused. Use it to plan.", "mem", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID("task", "the task that has to wait") "," ID("needs", "what it waits for"), "\"task\", \"needs\"", JSON({"task": 2, "needs": 1})),
     OUTPUT_SCHEMA("\"task\": {\"type\": \"integer\"}, \"needs\": {\"type\": \"integer\"}, \"added\": {\"type\": \"boolean\"}", "\"task\", \"needs\", \"added\""),
     add_task_dependency},
    {"get_task_order", "Order of tasks",
     "An order in which the open tasks can be done, each after what it needs, with the critical path by estimated minutes. Use it "
     "to decide what to begin.", "ml", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID("task", "only this one and what it needs"), "", JSON({}) "," JSON({"task": 1})),
     OUTPUT_SCHEMA("\"order\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"id\": {\"type\": \"integer\"},"
            "\"title\": {\"type\": \"string\"}, \"earliest_start\": {\"type\": \"integer\"}}, \"required\": [\"id\", \"title\", \"earliest_start\"]}},"
            "\"critical_path\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}}, \"minutes\": {\"type\": \"integer\"}",
            "\"order\", \"critical_path\", \"minutes\""),
     get_task_order},
};
/* clang-format on */

const struct tool_group tools_taskmaster = {
    .name = "taskmaster",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
    .open = open_words,
};
