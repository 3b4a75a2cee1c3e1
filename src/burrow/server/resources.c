/* Memories as resources, memory://ID; the list is of the newest, any is read by its id. What a
 * memory has is what its row has: this reads the table whatever its columns are called, and is
 * empty when there is none. */
#include "burrow/server/methods.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MEMORIES 100
#define LISTED        "1000" /* a client that reads every page must come to an end */
#define SCHEME        "memory://"

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

/* "memory://42" -> 42; -1 when it is none. */
static int64_t memory_id(const char *uri)
{
    const char *digits = uri + strlen(SCHEME);
    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0 || !*digits || strlen(digits) > 18)
        return -1;
    for (const char *digit = digits; *digit; digit++)
        if (!isdigit((unsigned char)*digit))
            return -1;
    return strtoll(digits, NULL, 10);
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

static json_t *describe_memory(json_t *row)
{
    static const char *const titles[] = {"title", "name", "summary", "content", "text", NULL};
    char uri[64], name[64];
    int64_t id = json_integer_value(json_object_get(row, "id"));
    snprintf(uri, sizeof uri, SCHEME "%lld", (long long)id);
    snprintf(name, sizeof name, "memory-%lld", (long long)id);
    json_t *resource =
        json_pack("{s:s, s:s, s:s}", "uri", uri, "name", name, "mimeType", "application/json");
    const char *title = first_text(row, titles);
    if (title)
        json_object_set_new(resource, "title", short_title(title));
    return resource;
}

/* A cursor is the id before which a page begins: the newest come first. */
static int read_cursor(struct method_call *call, int64_t *before)
{
    const json_t *cursor = json_object_get(call->params, "cursor");
    const char *text = json_string_value(cursor);
    char *end = NULL;
    *before = INT64_MAX;
    if (!cursor)
        return 0;
    if (text && strncmp(text, "before-", 7) == 0 && isdigit((unsigned char)text[7]) &&
        strlen(text) <= 25) {
        *before = strtoll(text + 7, &end, 10);
        if (!*end)
            return 0;
    }
    return method_fail(call, RPC_INVALID_PARAMS,
                       "the cursor is none that resources/list gave; begin without one");
}

/* A page of them, and where the next one begins: -1 when this is the last. */
static int collect(struct method_call *call, json_t *resources, int64_t before, int64_t *next)
{
    struct error error = {0};
    int64_t limit = PAGE_MEMORIES + 1, last = -1;
    sqlite3_stmt *rows = records_query(
        call->service->store->records, &error,
        "SELECT * FROM memories WHERE id < ? AND id >= coalesce((SELECT id FROM memories "
        "ORDER BY id DESC LIMIT 1 OFFSET " LISTED " - 1), 0) ORDER BY id DESC LIMIT ?",
        "ii", before, limit);
    *next = -1;
    if (!rows)
        return method_fail(call, RPC_INTERNAL_ERROR, "%.400s", error.text);
    while (records_next(rows, &error)) {
        if (json_array_size(resources) == PAGE_MEMORIES) {
            *next = last;
            continue;
        }
        json_t *row = row_object(rows);
        last = json_integer_value(json_object_get(row, "id"));
        json_array_append_new(resources, describe_memory(row));
        json_decref(row);
    }
    return error.text[0] ? method_fail(call, RPC_INTERNAL_ERROR, "%.400s", error.text) : 0;
}

int method_resources_list(struct method_call *call)
{
    int64_t before, next = -1;
    if (read_cursor(call, &before) < 0)
        return -1;
    json_t *resources = json_array();
    if (call->service->has_memories) {
        lock(call);
        int result = collect(call, resources, before, &next);
        unlock(call);
        if (result < 0) {
            json_decref(resources);
            return -1;
        }
    }
    json_t *members = json_pack("{s:o}", "resources", resources);
    if (next >= 0) {
        char cursor[32];
        snprintf(cursor, sizeof cursor, "before-%lld", (long long)next);
        json_object_set_new(members, "nextCursor", json_string(cursor));
    }
    return method_give(call, members);
}

static json_t *read_memory(struct method_call *call, int64_t id)
{
    struct error error = {0};
    json_t *found = NULL;
    sqlite3_stmt *rows = records_query(call->service->store->records, &error,
                                       "SELECT * FROM memories WHERE id = ?", "i", id);
    if (rows && records_next(rows, &error)) {
        found = row_object(rows);
        records_done(rows);
    }
    return found;
}

int method_resources_read(struct method_call *call)
{
    const char *uri = method_text(call, "uri");
    if (!uri)
        return method_fail(call, RPC_INVALID_PARAMS, "resources/read needs params.uri");
    int64_t id = memory_id(uri);
    json_t *memory = NULL;
    if (id >= 0 && call->service->has_memories) {
        lock(call);
        memory = read_memory(call, id);
        unlock(call);
    }
    if (!memory) {
        call->data = json_pack("{s:s}", "uri", uri);
        return method_fail(call,
                           method_is_modern(call) ? RPC_INVALID_PARAMS : RPC_RESOURCE_NOT_FOUND,
                           "there is no resource %.200s; resources/list names them", uri);
    }
    char *text = json_dumps(memory, JSON_COMPACT);
    json_decref(memory);
    json_t *members = json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri, "mimeType",
                                "application/json", "text", text ? text : "");
    free(text);
    return method_give(call, members);
}

int method_resource_templates(struct method_call *call)
{
    return buffer_append_text(
        call->out, "\"resourceTemplates\":[{\"uriTemplate\":\"memory://{id}\",\"name\":\"memory\","
                   "\"title\":\"A memory\",\"description\":\"A stored memory by its id, as JSON.\","
                   "\"mimeType\":\"application/json\"}]");
}
