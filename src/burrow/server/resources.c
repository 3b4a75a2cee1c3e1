/* Memories and diagrams as resources, memory://ID and diagram://ID; the list is of the newest, any
 * is read by its id. What a memory has is what its row has: this reads the table whatever its
 * columns are called, and is empty when there is none. */
#include "burrow/diagram/diagram.h"
#include "burrow/server/methods.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_RESOURCES 100
#define LISTED         "1000" /* of each kind: a client that reads every page must come to an end */
#define DRAWING_LIMIT  ((size_t)8 << 20)

const struct resource_kind resource_kinds[RESOURCE_KINDS] = {
    {"memory", "memories", "application/json",
     "SELECT * FROM memories WHERE id < ? AND id >= coalesce((SELECT id FROM memories "
     "ORDER BY id DESC LIMIT 1 OFFSET " LISTED " - 1), 0) ORDER BY id DESC LIMIT ?",
     "SELECT * FROM memories WHERE id = ?"},
    {"diagram", "diagrams", "text/vnd.mermaid",
     "SELECT * FROM diagrams WHERE id < ? AND id >= coalesce((SELECT id FROM diagrams "
     "ORDER BY id DESC LIMIT 1 OFFSET " LISTED " - 1), 0) ORDER BY id DESC LIMIT ?",
     "SELECT * FROM diagrams WHERE id = ?"},
};

static json_t *column_value(sqlite3_stmt *row, int column)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(row, column));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(row, column));
    case SQLITE_TEXT:
        return records_json_text(row, column);
    default: /* embeddings and other bytes are of no use to a reader */
        return NULL;
    }
}

static json_t *row_object(sqlite3_stmt *row)
{
    json_t *object = json_object();
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        json_t *value = column_value(row, i);
        if (value)
            json_object_set_new(object, sqlite3_column_name(row, i), value);
    }
    return object;
}

/* "memory://42" -> 42, and what comes after it; -1 when it is none of the kind. */
static int64_t resource_id(const char *uri, const struct resource_kind *kind, const char **rest)
{
    size_t length = strlen(kind->scheme), digits = 0;
    if (strncmp(uri, kind->scheme, length) != 0 || strncmp(uri + length, "://", 3) != 0)
        return -1;
    uri += length + 3;
    while (isdigit((unsigned char)uri[digits]))
        digits++;
    if (digits == 0 || digits > 19)
        return -1;
    *rest = uri + digits;
    return strtoll(uri, NULL, 10);
}

static void lock(struct method_call *call)
{
    pthread_mutex_lock(&call->service->store->lock);
}

static void unlock(struct method_call *call)
{
    pthread_mutex_unlock(&call->service->store->lock);
}

/* The first of these columns that the row has and that is not empty; NULL: none. */
static const char *first_text(json_t *row, const char *const *names)
{
    for (; *names; names++) {
        const char *text = json_string_value(json_object_get(row, *names));
        if (text && *text)
            return text;
    }
    return NULL;
}

/* At most 80 bytes of the first line, cut at a character. */
static json_t *short_title(const char *text)
{
    size_t length = strcspn(text, "\r\n");
    if (length > 80) {
        length = 80;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return json_stringn(text, length);
}

static json_t *describe(const struct resource_kind *kind, json_t *row)
{
    static const char *const titles[] = {"title", "name", "summary", "content", "text", NULL};
    char uri[64], name[64];
    int64_t id = json_integer_value(json_object_get(row, "id"));
    snprintf(uri, sizeof uri, "%s://%lld", kind->scheme, (long long)id);
    snprintf(name, sizeof name, "%s-%lld", kind->scheme, (long long)id);
    json_t *resource =
        json_pack("{s:s, s:s, s:s}", "uri", uri, "name", name, "mimeType", kind->mime_type);
    const char *title = first_text(row, titles);
    if (title)
        json_object_set_new(resource, "title", short_title(title));
    return resource;
}

/* A cursor is a kind, and the id before which a page begins: the newest come first. */
static int read_cursor(struct method_call *call, size_t *kind, int64_t *before)
{
    const json_t *cursor = json_object_get(call->params, "cursor");
    const char *text = json_string_value(cursor);
    *kind = 0;
    *before = INT64_MAX;
    if (!cursor)
        return 0;
    for (*kind = 0; text && strlen(text) < 40 && *kind < RESOURCE_KINDS; ++*kind) {
        const char *rest = "";
        *before = resource_id(text, &resource_kinds[*kind], &rest);
        if (*before >= 0 && !*rest)
            return 0;
    }
    return method_fail(call, RPC_INVALID_PARAMS,
                       "the cursor is none that resources/list gave; begin without one");
}

/* What a page has room for, and where the next one begins: -1 when there are no more of the kind.
 */
static int collect(struct method_call *call, const struct resource_kind *kind, json_t *resources,
                   int64_t before, int64_t *next)
{
    struct error error = {0};
    int64_t limit = PAGE_RESOURCES + 1, last = before;
    sqlite3_stmt *rows =
        records_query(call->service->store->records, &error, kind->list, "ii", before, limit);
    *next = -1;
    if (!rows)
        return method_fail(call, RPC_INTERNAL_ERROR, "%.400s", error.text);
    while (records_next(rows, &error)) {
        if (json_array_size(resources) == PAGE_RESOURCES) {
            *next = last;
            records_done(rows);
            break;
        }
        json_t *row = row_object(rows);
        last = json_integer_value(json_object_get(row, "id"));
        json_array_append_new(resources, describe(kind, row));
        json_decref(row);
    }
    return error.text[0] ? method_fail(call, RPC_INTERNAL_ERROR, "%.400s", error.text) : 0;
}

int method_resources_list(struct method_call *call)
{
    int64_t before, next = -1;
    size_t kind;
    int result = 0;
    if (read_cursor(call, &kind, &before) < 0)
        return -1;
    json_t *resources = json_array();
    lock(call);
    for (; result == 0 && kind < RESOURCE_KINDS; kind++, before = INT64_MAX) {
        if (call->service->has_resources[kind])
            result = collect(call, &resource_kinds[kind], resources, before, &next);
        if (next >= 0)
            break;
    }
    unlock(call);
    if (result < 0) {
        json_decref(resources);
        return -1;
    }
    json_t *members = json_pack("{s:o}", "resources", resources);
    if (next >= 0) {
        char cursor[64];
        snprintf(cursor, sizeof cursor, "%s://%lld", resource_kinds[kind].scheme, (long long)next);
        json_object_set_new(members, "nextCursor", json_string(cursor));
    }
    return method_give(call, members);
}

static json_t *read_row(struct method_call *call, const char *sql, int64_t id)
{
    struct error error = {0};
    json_t *found = NULL;
    lock(call);
    sqlite3_stmt *rows = records_query(call->service->store->records, &error, sql, "i", id);
    if (rows && records_next(rows, &error)) {
        found = row_object(rows);
        records_done(rows);
    }
    unlock(call);
    return found;
}

/* The row of what a URI names, and what comes after the id in it; NULL: there is nothing. */
static json_t *find_resource(struct method_call *call, const char *uri, size_t *kind,
                             const char **rest)
{
    for (*kind = 0; *kind < RESOURCE_KINDS; ++*kind) {
        int64_t id = resource_id(uri, &resource_kinds[*kind], rest);
        if (id >= 0 && call->service->has_resources[*kind])
            return read_row(call, resource_kinds[*kind].read, id);
    }
    return NULL;
}

static char *draw(const json_t *row)
{
    struct diagram_errors errors;
    struct buffer out;
    char problem[128];
    const char *text = json_string_value(json_object_get(row, "text"));
    struct diagram *diagram = diagram_parse(text ? text : "", &errors);
    buffer_init(&out, DRAWING_LIMIT);
    int failed = diagram ? diagram_draw(diagram, "svg", &out, NULL, problem, sizeof problem) : -1;
    diagram_free(diagram);
    if (failed == 0)
        return buffer_take_string(&out);
    buffer_free(&out);
    return NULL;
}

int method_resources_read(struct method_call *call)
{
    const char *uri = method_text(call, "uri"), *rest = "";
    size_t kind = 0;
    if (!uri)
        return method_fail(call, RPC_INVALID_PARAMS, "resources/read needs params.uri");
    json_t *row = find_resource(call, uri, &kind, &rest);
    bool diagram = row && strcmp(resource_kinds[kind].scheme, "diagram") == 0,
         drawn = diagram && strcmp(rest, "/svg") == 0;
    if (!row || (*rest && !drawn)) {
        json_decref(row);
        call->data = json_pack("{s:s}", "uri", uri);
        return method_fail(call,
                           method_is_modern(call) ? RPC_INVALID_PARAMS : RPC_RESOURCE_NOT_FOUND,
                           "there is no resource %.200s; resources/list names them", uri);
    }
    const char *mermaid = json_string_value(json_object_get(row, "text"));
    char *text = drawn     ? draw(row)
                 : diagram ? strdup(mermaid ? mermaid : "")
                           : json_dumps(row, JSON_COMPACT);
    json_decref(row);
    if (!text)
        return method_fail(call, RPC_INTERNAL_ERROR, "%.200s cannot be drawn", uri);
    json_t *members =
        json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri, "mimeType",
                  drawn ? "image/svg+xml" : resource_kinds[kind].mime_type, "text", text);
    free(text);
    return method_give(call, members);
}

int method_resource_templates(struct method_call *call)
{
    return buffer_append_text(
        call->out,
        "\"resourceTemplates\":[{\"uriTemplate\":\"memory://{id}\",\"name\":\"memory\","
        "\"title\":\"A memory\",\"description\":\"A stored memory by its id, as JSON.\","
        "\"mimeType\":\"application/json\"},{\"uriTemplate\":\"diagram://"
        "{id}\",\"name\":\"diagram\","
        "\"title\":\"A diagram\",\"description\":\"A kept diagram by its id, as Mermaid.\","
        "\"mimeType\":\"text/vnd.mermaid\"},{\"uriTemplate\":\"diagram://{id}/svg\","
        "\"name\":\"drawing\",\"title\":\"A drawing\",\"description\":\"A kept diagram by its id, "
        "drawn.\",\"mimeType\":\"image/svg+xml\"}]");
}
