/* advanced_templates: diagrams that are kept, in versions; templates with slots; themes; many at
 * once. A slot is written @{name}, which is nothing in Mermaid. */
#include "burrow/code/diff.h"
#include "burrow/tools/diagram_call.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_LIMIT   200
#define SLOTS_LIMIT   100
#define TIMINGS_LIMIT 2000 /* rows that predictions are made from */

static const char *const migrations[] = {
    "CREATE TABLE diagrams(id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL UNIQUE,"
    " type TEXT NOT NULL, text TEXT NOT NULL, version INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);"
    "CREATE INDEX diagrams_type ON diagrams(type, id);"
    "CREATE TABLE diagram_tags(tag TEXT NOT NULL, diagram INTEGER NOT NULL REFERENCES diagrams(id)"
    " ON DELETE CASCADE, PRIMARY KEY(tag, diagram)) WITHOUT ROWID;"
    "CREATE TABLE diagram_versions(diagram INTEGER NOT NULL REFERENCES diagrams(id) ON DELETE"
    " CASCADE, version INTEGER NOT NULL, text TEXT NOT NULL, note TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, PRIMARY KEY(diagram, version)) WITHOUT ROWID;"
    "CREATE TABLE diagram_templates(name TEXT PRIMARY KEY, text TEXT NOT NULL,"
    " description TEXT NOT NULL, slots TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE diagram_timings(id INTEGER PRIMARY KEY, type TEXT NOT NULL,"
    " nodes INTEGER NOT NULL, edges INTEGER NOT NULL, microseconds INTEGER NOT NULL)",
    NULL};

/* ---- keeping -------------------------------------------------------------------------------- */

/* What drawing took since the last time goes to the records, where predictions come from. */
static int keep_timings(struct tool_call *call)
{
    struct diagram_timing timings[32];
    size_t count = diagram_timings_take(timings, sizeof timings / sizeof *timings);
    for (size_t i = 0; i < count; i++)
        if (records_run(call->store->records, &call->error,
                        "INSERT INTO diagram_timings(type, nodes, edges, microseconds)"
                        " VALUES(?1, ?2, ?3, ?4)",
                        "siii", diagram_type_name(timings[i].type), (int64_t)timings[i].nodes,
                        (int64_t)timings[i].edges,
                        (int64_t)((timings[i].layout_ns + timings[i].render_ns) / 1000)) < 0)
            return -1;
    return count && records_run(call->store->records, &call->error,
                                "DELETE FROM diagram_timings WHERE id <= (SELECT max(id) FROM"
                                " diagram_timings) - ?1",
                                "i", (int64_t)TIMINGS_LIMIT) < 0
               ? -1
               : 0;
}

static int keep_version(struct tool_call *call, int64_t *id, int64_t *version, const char *type)
{
    const char *text = tool_text(call, "diagram", "");
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "INSERT INTO diagrams(title, type, text, version, created_at, updated_at)"
                      " VALUES(?1, ?2, ?3, 1, ?4, ?4) ON CONFLICT(title) DO UPDATE SET"
                      " type = excluded.type, text = excluded.text, version = version + 1,"
                      " updated_at = excluded.updated_at RETURNING id, version",
                      "sssi", tool_text(call, "title", ""), type, text, store_now_ms());
    if (!row || !records_next(row, &call->error))
        return -1;
    *id = sqlite3_column_int64(row, 0);
    *version = sqlite3_column_int64(row, 1);
    records_done(row);
    return records_run(call->store->records, &call->error,
                       "INSERT INTO diagram_versions VALUES(?1, ?2, ?3, ?4, ?5)", "iissi", *id,
                       *version, text, tool_text(call, "note", ""), store_now_ms()) < 0
               ? -1
               : 0;
}

static int keep_tags(struct tool_call *call, int64_t id)
{
    const json_t *tags = tool_value(call, "tags"), *tag;
    size_t index;
    if (tags && records_run(call->store->records, &call->error,
                            "DELETE FROM diagram_tags WHERE diagram = ?1", "i", id) < 0)
        return -1;
    json_array_foreach(tags, index, tag)
    {
        if (records_run(call->store->records, &call->error,
                        "INSERT OR IGNORE INTO diagram_tags VALUES(?1, ?2)", "si",
                        json_string_value(tag), id) < 0)
            return -1;
    }
    return 0;
}

static int store_diagram(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    int64_t id = 0, version = 0;
    if (!diagram)
        return -1;
    const char *type = diagram_type_name(diagram->type);
    char *words = diagram_words(diagram), *text = NULL;
    diagram_free(diagram);
    if (words) {
        size_t size = strlen(words) + strlen(tool_text(call, "title", "")) + 2;
        text = malloc(size);
        if (text)
            snprintf(text, size, "%s\n%s", tool_text(call, "title", ""), words);
    }
    free(words);
    if (!text)
        return tool_fail(call, "internal", "out of memory");
    int failed = keep_version(call, &id, &version, type) < 0 || keep_tags(call, id) < 0 ||
                 keep_timings(call) < 0 ||
                 vectors_put(call->store->vectors, VECTORS_DIAGRAMS, id, text, &call->error) < 0;
    free(text);
    if (failed)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I, s:I, s:s}", "id", (json_int_t)id, "version",
                                 (json_int_t)version, "type", type);
    return 0;
}

#define DIAGRAM_COLUMNS                                                                            \
    "id, title, type, text, version, updated_at,"                                                  \
    " (SELECT json_group_array(tag) FROM diagram_tags WHERE diagram = id)"

static json_t *diagram_of(sqlite3_stmt *row, json_t *score)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "id",
                     (json_int_t)sqlite3_column_int64(row, 0), "title", records_json_text(row, 1),
                     "type", records_json_text(row, 2), "diagram", records_json_text(row, 3),
                     "version", (json_int_t)sqlite3_column_int64(row, 4), "updated_at",
                     (json_int_t)sqlite3_column_int64(row, 5), "tags", records_json(row, 6),
                     "score", score);
}

static int retrieve_nearest(struct tool_call *call, json_t *found, size_t limit)
{
    struct vector_hit hits[FOUND_LIMIT];
    int count = vectors_search(call->store->vectors, VECTORS_DIAGRAMS, tool_text(call, "query", ""),
                               FOUND_LIMIT, hits, &call->error);
    for (int i = 0; i < count && json_array_size(found) < limit; i++) {
        sqlite3_stmt *row = records_query(
            call->store->records, &call->error,
            "SELECT " DIAGRAM_COLUMNS " FROM diagrams WHERE id = ?1 AND (?2 IS NULL OR type = ?2)"
            " AND (?3 IS NULL OR EXISTS(SELECT 1 FROM diagram_tags WHERE tag = ?3 AND"
            " diagram = id))",
            "iss", hits[i].id, tool_text(call, "type", NULL), tool_text(call, "tag", NULL));
        if (row && records_next(row, &call->error)) {
            json_array_append_new(found, diagram_of(row, json_real(hits[i].score)));
            records_done(row);
        }
    }
    return call->error.code == ERROR_NONE ? 0 : -1;
}

static int retrieve_newest(struct tool_call *call, json_t *found, size_t limit)
{
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "SELECT " DIAGRAM_COLUMNS " FROM diagrams WHERE (?1 IS NULL OR type = ?1) AND"
        " (?2 IS NULL OR EXISTS(SELECT 1 FROM diagram_tags WHERE tag = ?2 AND diagram = id))"
        " ORDER BY id DESC LIMIT ?3",
        "ssi", tool_text(call, "type", NULL), tool_text(call, "tag", NULL), (int64_t)limit);
    while (row && records_next(row, &call->error))
        json_array_append_new(found, diagram_of(row, json_null()));
    return call->error.code == ERROR_NONE ? 0 : -1;
}

static int retrieve_diagrams(struct tool_call *call)
{
    json_t *found = json_array();
    size_t limit = (size_t)tool_integer(call, "limit", 5);
    call->structured = json_pack("{s:o}", "diagrams", found);
    int failed = tool_text(call, "query", NULL) ? retrieve_nearest(call, found, limit)
                                                : retrieve_newest(call, found, limit);
    return failed < 0 ? tool_fail_tier(call) : 0;
}

static json_t *version_of(sqlite3_stmt *row)
{
    struct diff diff = {0};
    struct buffer out;
    const char *before = records_text(row, 4);
    buffer_init(&out, DIAGRAM_LIMIT * 4);
    int failed = diff_lines(before ? before : "", records_text(row, 1), 2, &diff, &out);
    char *text = buffer_take_string(&out);
    json_t *version = json_pack(
        "{s:I, s:o, s:I, s:I, s:I, s:s}", "version", (json_int_t)sqlite3_column_int64(row, 0),
        "note", records_json_text(row, 2), "created_at", (json_int_t)sqlite3_column_int64(row, 3),
        "added_lines", (json_int_t)diff.added, "removed_lines", (json_int_t)diff.removed, "diff",
        failed || !text ? "" : text);
    free(text);
    return version;
}

/* The newest versions, each with what it changed as a unified diff. */
static int get_diagram_versions(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    json_t *versions = json_array();
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "SELECT version, text, note, created_at, (SELECT text FROM diagram_versions AS earlier"
        " WHERE earlier.diagram = ?1 AND earlier.version = diagram_versions.version - 1)"
        " FROM diagram_versions WHERE diagram = ?1 ORDER BY version DESC LIMIT ?2",
        "ii", id, tool_integer(call, "limit", 20));
    while (row && records_next(row, &call->error))
        json_array_append_new(versions, version_of(row));
    call->structured = json_pack("{s:I, s:o}", "id", (json_int_t)id, "versions", versions);
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return json_array_size(versions)
               ? 0
               : tool_fail(call, "not_found", "id: there is no diagram %lld", (long long)id);
}

/* ---- templates ------------------------------------------------------------------------------ */

/* The next slot at or after *at: its name, and *at after it; NULL when there is none. */
static const char *next_slot(const char **at, size_t *length, const char **start)
{
    const char *found = *at;
    while ((found = strstr(found, "@{"))) {
        size_t size = 0;
        while (isalnum((unsigned char)found[2 + size]) || found[2 + size] == '_')
            size++;
        if (size && size <= 80 && found[2 + size] == '}') {
            *start = found;
            *at = found + size + 3;
            *length = size;
            return found + 2;
        }
        found += 2;
    }
    return NULL;
}

static json_t *slots_of(const char *text)
{
    json_t *slots = json_array(), *slot;
    const char *at = text, *name, *start;
    size_t length, index;
    while ((name = next_slot(&at, &length, &start))) {
        bool there = false;
        json_array_foreach(slots, index, slot)
        {
            there |= json_string_length(slot) == length &&
                     memcmp(json_string_value(slot), name, length) == 0;
        }
        if (!there)
            json_array_append_new(slots, json_stringn(name, length));
    }
    return slots;
}

/* Fill the slots; *missing is the first one without a value. A value cannot end the text it stands
 * in: quotes and line ends in it become what Mermaid writes for them. */
static char *fill(const char *text, const json_t *values, char missing[81])
{
    struct buffer out;
    const char *at = text, *name, *start, *done = text;
    size_t length;
    int failed = 0;
    *missing = '\0';
    buffer_init(&out, DIAGRAM_LIMIT);
    while (!*missing && (name = next_slot(&at, &length, &start))) {
        json_t *value = json_object_getn(values, name, length);
        char number[40];
        const char *filled = json_string_value(value);
        if (json_is_number(value)) {
            snprintf(number, sizeof number, "%.15g", json_number_value(value));
            filled = number;
        }
        if (!filled) {
            snprintf(missing, 81, "%.*s", (int)length, name);
            break;
        }
        failed |= buffer_append(&out, done, (size_t)(start - done));
        for (; *filled; filled++)
            failed |= *filled == '"'                ? buffer_append_text(&out, "#quot;")
                      : (unsigned char)*filled < 32 ? buffer_append_char(&out, ' ')
                                                    : buffer_append_char(&out, *filled);
        done = at;
    }
    failed |= buffer_append_text(&out, done);
    char *made = buffer_take_string(&out);
    if (failed) {
        free(made);
        return NULL;
    }
    return made;
}

static int create_diagram_template(struct tool_call *call)
{
    const char *name = tool_text(call, "name", ""), *text = tool_text(call, "text", "");
    json_t *slots = slots_of(text);
    if (json_array_size(slots) == 0 || json_array_size(slots) > SLOTS_LIMIT) {
        size_t count = json_array_size(slots);
        json_decref(slots);
        return tool_fail(call, "invalid_argument",
                         "text: it has %zu slots; write one to %d of them as @{name}", count,
                         SLOTS_LIMIT);
    }
    char *list = json_dumps(slots, JSON_COMPACT);
    int64_t made = list ? records_run(call->store->records, &call->error,
                                      "INSERT INTO diagram_templates VALUES(?1, ?2, ?3, ?4, ?5)"
                                      " ON CONFLICT DO UPDATE SET text = excluded.text,"
                                      " description = excluded.description,"
                                      " slots = excluded.slots",
                                      "ssssi", name, text, tool_text(call, "description", ""), list,
                                      store_now_ms())
                        : -1;
    free(list);
    call->structured = json_pack("{s:s, s:o}", "name", name, "slots", slots);
    return made < 0 ? tool_fail_tier(call) : 0;
}

static int list_diagram_templates(struct tool_call *call)
{
    json_t *templates = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT name, description, slots FROM diagram_templates"
                      " ORDER BY name LIMIT ?1 OFFSET ?2",
                      "ii", tool_integer(call, "limit", 20), tool_integer(call, "offset", 0));
    while (row && records_next(row, &call->error))
        json_array_append_new(templates,
                              json_pack("{s:o, s:o, s:o}", "name", records_json_text(row, 0),
                                        "description", records_json_text(row, 1), "slots",
                                        records_json(row, 2)));
    call->structured = json_pack("{s:o}", "templates", templates);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* The text of a template; NULL after failing the call. */
static char *template_text(struct tool_call *call, const char *name)
{
    char *text = NULL;
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT text FROM diagram_templates WHERE name = ?1", "s", name);
    if (row && records_next(row, &call->error)) {
        text = strdup(records_text(row, 0));
        records_done(row);
    } else if (call->error.code == ERROR_NONE)
        tool_fail(call, "not_found",
                  "template: there is no \"%.80s\"; list_diagram_templates names them", name);
    else
        tool_fail_tier(call);
    return text;
}

static struct diagram *diagram_of_template(struct tool_call *call, const char *name,
                                           const json_t *values)
{
    char missing[81], *text = template_text(call, name), *filled;
    if (!text)
        return NULL;
    filled = fill(text, values, missing);
    free(text);
    struct diagram *diagram = NULL;
    if (*missing)
        tool_fail(call, "invalid_argument", "values.%s: the template \"%.80s\" needs it", missing,
                  name);
    else if (!filled)
        tool_fail(call, "too_large", "the filled template is over %zu bytes", DIAGRAM_LIMIT);
    else
        diagram = diagram_of_text(call, "the filled template", filled);
    free(filled);
    return diagram;
}

static int generate_from_template(struct tool_call *call)
{
    struct diagram *diagram =
        diagram_of_template(call, tool_text(call, "template", ""), tool_value(call, "values"));
    return diagram ? diagram_answer(call, diagram) : -1;
}

/* ---- themes --------------------------------------------------------------------------------- */

/* Mermaid takes a theme from a directive before the diagram: %%{init: {...}}%%. */
static int apply_diagram_theme(struct tool_call *call)
{
    const char *text = tool_text(call, "diagram", ""), *rest = text;
    struct diagram *diagram = diagram_argument(call, "diagram");
    if (!diagram)
        return -1;
    diagram_free(diagram);
    if (strncmp(text, "%%{init:", 8) == 0) { /* the one before gives way */
        const char *end = strstr(text, "}%%");
        rest = end ? end + 3 + strspn(end + 3, "\r\n") : text;
    }
    const json_t *variables = tool_value(call, "variables");
    json_t *init = json_pack("{s:s}", "theme", tool_text(call, "theme", "default"));
    if (variables)
        json_object_set(init, "themeVariables", (json_t *)variables);
    char *directive = json_dumps(init, JSON_COMPACT | JSON_SORT_KEYS);
    struct buffer out;
    buffer_init(&out, DIAGRAM_LIMIT * 2);
    int failed = buffer_printf(&out, "%%%%{init: %s}%%%%\n", directive ? directive : "{}") |
                 buffer_append_text(&out, rest);
    char *themed = buffer_take_string(&out);
    if (failed == 0 && themed)
        call->structured = json_pack("{s:s}", "mermaid", themed);
    free(themed);
    free(directive);
    json_decref(init);
    return call->structured ? 0 : tool_fail(call, "too_large", "the diagram is too large");
}

/* ---- many at once --------------------------------------------------------------------------- */

static struct diagram *diagram_of_steps(const json_t *steps)
{
    struct diagram *diagram = diagram_new(DIAGRAM_FLOWCHART);
    size_t index;
    json_t *step;
    json_array_foreach(steps, index, step)
    {
        char id[32];
        snprintf(id, sizeof id, "step%zu", index + 1);
        int place = diagram ? diagram_node(diagram, id, strlen(id)) : -1;
        if (place < 0)
            break;
        diagram->nodes[place].declared = true;
        diagram->nodes[place].label =
            diagram_keep(diagram, json_string_value(step), json_string_length(step));
        if (place > 0)
            diagram_edge(diagram, (size_t)place - 1, "-->", (size_t)place, "");
    }
    return diagram;
}

/* One of them, in a call of its own that shares nothing but the store. */
static json_t *one_of_batch(struct tool_call *call, const json_t *item)
{
    struct tool_call inner = {.store = call->store, .tool = call->tool, .arguments = item};
    const json_t *steps = json_object_get(item, "steps");
    struct diagram *diagram = NULL;
    if (json_object_get(item, "template"))
        diagram = diagram_of_template(&inner, tool_text(&inner, "template", ""),
                                      json_object_get(item, "values"));
    else if (steps)
        diagram = diagram_of_steps(steps);
    else if (json_object_get(item, "diagram"))
        diagram = diagram_argument(&inner, "diagram");
    else
        tool_fail(&inner, "invalid_argument", "give template and values, steps, or diagram");
    int failed = diagram ? diagram_answer(&inner, diagram) : -1;
    json_t *outcome = json_pack("{s:b}", "ok", failed == 0);
    if (failed == 0)
        json_object_update(outcome, inner.structured);
    else {
        json_object_set_new(outcome, "reason",
                            json_string(inner.reason ? inner.reason : "internal"));
        json_object_set_new(outcome, "error", json_string(inner.error.text));
    }
    json_decref(inner.structured);
    return outcome;
}

static int batch_generate_diagrams(struct tool_call *call)
{
    const json_t *items = tool_value(call, "items"), *item;
    json_t *results = json_array();
    json_int_t succeeded = 0;
    size_t index;
    json_array_foreach(items, index, item)
    {
        json_t *outcome = one_of_batch(call, item);
        succeeded += json_is_true(json_object_get(outcome, "ok"));
        json_array_append_new(results, outcome);
        if (tool_progress(call, index + 1, json_array_size(items)) < 0) {
            json_decref(results);
            return -1;
        }
    }
    call->structured = json_pack("{s:o, s:I, s:I}", "results", results, "succeeded", succeeded,
                                 "failed", (json_int_t)json_array_size(items) - succeeded);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define DIAGRAM DIAGRAM_ARGUMENT("diagram", "in Mermaid")
#define LINE(name, most, what) "\"" name "\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": " most ", \"description\": \"" what "\"}"
#define TYPE "\"type\": {\"enum\": [\"flowchart\", \"sequence\", \"pie\", \"class\"], \"description\": \"only of this type\"}"
#define TAGS "\"tags\": {\"type\": \"array\", \"maxItems\": 32, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100}, \"description\": \"words to find it by\"}"
#define VALUES "\"values\": {\"type\": \"object\", \"maxProperties\": 100, \"additionalProperties\": {\"type\": [\"string\", \"number\"], \"maxLength\": 4096}, \"description\": \"for the slots\"}"
#define LIMIT "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 5, \"description\": \"results at most\"}"
#define READS TOOL_READ_ONLY | TOOL_IDEMPOTENT

static const struct tool tools[] = {
    {"store_diagram", "Keep a diagram", "Keep a diagram under a title, with tags; the same title again makes a new version. Use it for diagrams that will be needed later.", "dia", 0,
     INPUT_SCHEMA(LINE("title", "200", "under which it is kept") "," DIAGRAM "," TAGS ", \"note\": {\"type\": \"string\", \"maxLength\": 1000, \"description\": \"what changed\"}", "\"title\", \"diagram\"",
           JSON({"title": "Mooring", "diagram": "flowchart LR\n    A[Arrive] --> B[Moor]\n", "tags": ["port"]})),
     OUTPUT_SCHEMA(DIAGRAM_INTEGER("id") "," DIAGRAM_INTEGER("version") "," DIAGRAM_STRING("type"), "\"id\", \"version\", \"type\""), store_diagram},
    {"retrieve_diagrams", "Find kept diagrams", "Kept diagrams most like a query, or the newest, by type or tag.", "dia", READS,
     INPUT_SCHEMA(LINE("query", "4096", "what it is about; the newest when absent") "," TYPE "," LINE("tag", "100", "only with this tag") "," LIMIT, "", JSON({"query": "mooring", "limit": 3}) "," JSON({"type": "flowchart"})),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("diagrams", DIAGRAM_INTEGER("id") "," DIAGRAM_STRING("title") "," DIAGRAM_STRING("type") "," DIAGRAM_STRING("diagram") "," DIAGRAM_INTEGER("version") ","
           DIAGRAM_INTEGER("updated_at") "," DIAGRAM_NAMES("tags") "," DIAGRAM_NUMBER("score"), "\"id\", \"title\", \"type\", \"diagram\", \"version\", \"tags\", \"score\""), "\"diagrams\""), retrieve_diagrams},
    {"create_diagram_template", "Make a template", "Keep a Mermaid text with slots written @{name}, to be filled later. The same name again replaces it.", "dia", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(LINE("name", "100", "of the template") "," DIAGRAM_ARGUMENT("text", "Mermaid with slots written @{name}") ", \"description\": {\"type\": \"string\", \"maxLength\": 1000, \"description\": \"what it is for\"}", "\"name\", \"text\"",
           JSON({"name": "handover", "text": "sequenceDiagram\n    @{from}->>@{to}: @{what}\n"})),
     OUTPUT_SCHEMA(DIAGRAM_STRING("name") "," DIAGRAM_NAMES("slots"), "\"name\", \"slots\""), create_diagram_template},
    {"list_diagram_templates", "List templates", "Templates by name, with their slots, in pages.", "dia", READS,
     INPUT_SCHEMA("\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 20, \"description\": \"results at most\"}, \"offset\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 1000000, \"default\": 0, \"description\": \"results to pass over\"}", "", JSON({"limit": 10})),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("templates", DIAGRAM_STRING("name") "," DIAGRAM_STRING("description") "," DIAGRAM_NAMES("slots"), "\"name\", \"description\", \"slots\""), "\"templates\""), list_diagram_templates},
    {"generate_from_template", "Fill a template", "A diagram from a template and values for its slots; a slot without a value is named.", "dia", READS,
     INPUT_SCHEMA(LINE("template", "100", "its name") "," VALUES, "\"template\", \"values\"", JSON({"template": "handover", "values": {"from": "Ann", "to": "Bob", "what": "the keys"}})),
     OUTPUT_SCHEMA(DIAGRAM_ANSWER, DIAGRAM_ANSWER_NAMES), generate_from_template},
    {"apply_diagram_theme", "Set a theme", "The diagram with a Mermaid theme and variables set before it.", "dia", TOOL_PURE | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(DIAGRAM ", \"theme\": {\"enum\": [\"default\", \"neutral\", \"dark\", \"forest\", \"base\"], \"description\": \"of Mermaid\"}"
           ", \"variables\": {\"type\": \"object\", \"maxProperties\": 50, \"propertyNames\": {\"pattern\": \"^[A-Za-z0-9]+$\"}, \"additionalProperties\": {\"type\": \"string\", \"maxLength\": 100, \"pattern\": \"^[#A-Za-z0-9 ,.()-]*$\"}, \"description\": \"theme variables\"}", "\"diagram\", \"theme\"",
           JSON({"diagram": "pie\n    \"a\" : 1\n", "theme": "forest", "variables": {"primaryColor": "#ffeecc"}})),
     OUTPUT_SCHEMA(DIAGRAM_STRING("mermaid"), "\"mermaid\""), apply_diagram_theme},
    {"get_diagram_versions", "History of a diagram", "The versions of a kept diagram, newest first, each with what it changed.", "dia", READS,
     INPUT_SCHEMA("\"id\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"of the diagram\"}, \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 20, \"description\": \"versions at most\"}", "\"id\"", JSON({"id": 1})),
     OUTPUT_SCHEMA(DIAGRAM_INTEGER("id") "," DIAGRAM_OBJECTS("versions", DIAGRAM_INTEGER("version") "," DIAGRAM_STRING("note") "," DIAGRAM_INTEGER("created_at") "," DIAGRAM_INTEGER("added_lines") ","
           DIAGRAM_INTEGER("removed_lines") "," DIAGRAM_STRING("diff"), "\"version\", \"note\", \"created_at\", \"added_lines\", \"removed_lines\", \"diff\""), "\"id\", \"versions\""), get_diagram_versions},
    {"batch_generate_diagrams", "Make many diagrams", "Many diagrams at once, from templates, steps or Mermaid texts; each has its own outcome.", "dia", READS,
     INPUT_SCHEMA("\"items\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 50, \"description\": \"each of template and values, steps, or diagram\", \"items\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
           LINE("template", "100", "its name") "," VALUES "," DIAGRAM_ARGUMENT("diagram", "in Mermaid")
           ", \"steps\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 100, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"description\": \"of a flowchart\"}}}}", "\"items\"",
           JSON({"items": [{"steps": ["Arrive", "Moor"]}, {"diagram": "pie\n    \"a\" : 1\n"}]})),
     OUTPUT_SCHEMA(DIAGRAM_INTEGER("succeeded") "," DIAGRAM_INTEGER("failed") "," DIAGRAM_OBJECTS("results", "\"ok\": {\"type\": \"boolean\"}," DIAGRAM_ANSWER "," DIAGRAM_STRING("reason") "," DIAGRAM_STRING("error"), "\"ok\""),
           "\"results\", \"succeeded\", \"failed\""), batch_generate_diagrams},
};
/* clang-format on */

const struct tool_group tools_diagram_templates = {
    .name = "advanced_templates",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
