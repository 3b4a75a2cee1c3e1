/* Blueprints: a task as named steps with what each needs, in the records; the graph has a node for
 * each blueprint and a "needs" relation to those it builds on. A blueprint is kept as it is given:
 * whether it is consistent is for validate_blueprint_consistency to say. */
#include "burrow/tools/advanced_ml.h"

#include "base/buffer.h"
#include "burrow/code/source.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_LIMIT    200
#define DOCUMENT_LIMIT ((size_t)1 << 20)

static const char *const migrations[] = {
    "CREATE TABLE blueprints(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " description TEXT NOT NULL, created_at INTEGER NOT NULL);"
    "CREATE TABLE blueprint_steps(blueprint INTEGER NOT NULL REFERENCES blueprints(id) ON DELETE"
    " CASCADE, number INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,"
    " minutes INTEGER NOT NULL, PRIMARY KEY(blueprint, number)) WITHOUT ROWID;"
    "CREATE TABLE blueprint_needs(blueprint INTEGER NOT NULL REFERENCES blueprints(id) ON DELETE"
    " CASCADE, step TEXT NOT NULL, needed TEXT NOT NULL, PRIMARY KEY(blueprint, step, needed))"
    " WITHOUT ROWID;"
    "CREATE TABLE blueprint_depends(blueprint INTEGER NOT NULL REFERENCES blueprints(id) ON DELETE"
    " CASCADE, needed INTEGER NOT NULL, PRIMARY KEY(blueprint, needed)) WITHOUT ROWID",
    NULL};

/* ---- the steps as a graph ------------------------------------------------------------------- */

struct step {
    char name[201];
    int64_t minutes;
    unsigned needs, needed_by;
    int depth; /* the longest chain of needs below it; -1: not known yet, -2: being looked at */
};

struct steps {
    struct step all[STEPS_LIMIT];
    int count;
    bool edge[STEPS_LIMIT][STEPS_LIMIT]; /* [step][what it needs] */
    json_t *missing;                     /* [{"step", "needs"}] that name no step */
};

static int step_named(const struct steps *steps, const char *name)
{
    for (int i = 0; i < steps->count; i++)
        if (strcmp(steps->all[i].name, name) == 0)
            return i;
    return -1;
}

static void add_need(struct steps *steps, const char *step, const char *needed)
{
    int from = step_named(steps, step), to = step_named(steps, needed);
    if (from >= 0 && to >= 0 && !steps->edge[from][to]) {
        steps->edge[from][to] = true;
        steps->all[from].needs++;
        steps->all[to].needed_by++;
    } else if (to < 0)
        json_array_append_new(steps->missing,
                              json_pack("{s:s, s:s}", "step", step, "needs", needed));
}

static void steps_free(struct steps *steps)
{
    if (steps)
        json_decref(steps->missing);
    free(steps);
}

static struct steps *load_steps(struct tool_call *call, int64_t id)
{
    struct steps *steps = malloc(sizeof *steps); /* large, and most of it is not needed */
    if (!steps) {
        tool_fail(call, "internal", "out of memory");
        return NULL;
    }
    steps->count = 0;
    steps->missing = json_array();
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT name, minutes FROM blueprint_steps WHERE"
                                      " blueprint = ?1 ORDER BY number LIMIT ?2",
                                      "ii", id, (int64_t)STEPS_LIMIT);
    while (row && records_next(row, &call->error)) {
        struct step *step = &steps->all[steps->count];
        *step = (struct step){.minutes = sqlite3_column_int64(row, 1), .depth = -1};
        snprintf(step->name, sizeof step->name, "%s", records_text(row, 0));
        memset(steps->edge[steps->count++], 0, sizeof *steps->edge);
    }
    row = records_query(call->store->records, &call->error,
                        "SELECT step, needed FROM blueprint_needs WHERE blueprint = ?1", "i", id);
    while (row && records_next(row, &call->error))
        add_need(steps, records_text(row, 0), records_text(row, 1));
    if (call->error.code == ERROR_NONE)
        return steps;
    steps_free(steps);
    tool_fail_tier(call);
    return NULL;
}

/* Depth first. A step that is met again while it is being looked at closes a cycle, which is the
 * way from it to where we are. */
static int depth_of(struct steps *steps, int at, int *way, int length, json_t *cycles)
{
    struct step *step = &steps->all[at];
    int deepest = 0;
    if (step->depth == -2) {
        json_t *cycle = json_array();
        int begin = length - 1;
        while (begin > 0 && way[begin] != at)
            begin--;
        for (; begin < length; begin++)
            json_array_append_new(cycle, json_string(steps->all[way[begin]].name));
        if (json_array_size(cycles) < 20)
            json_array_append(cycles, cycle);
        json_decref(cycle);
        return 0;
    }
    if (step->depth >= 0)
        return step->depth;
    step->depth = -2;
    way[length] = at;
    for (int i = 0; i < steps->count; i++) {
        if (!steps->edge[at][i])
            continue;
        int below = 1 + depth_of(steps, i, way, length + 1, cycles);
        deepest = below > deepest ? below : deepest;
    }
    step->depth = deepest;
    return deepest;
}

static int longest_chain(struct steps *steps, json_t *cycles)
{
    int way[STEPS_LIMIT + 1], longest = 0;
    for (int i = 0; i < steps->count; i++) {
        int depth = depth_of(steps, i, way, 0, cycles) + 1;
        longest = depth > longest ? depth : longest;
    }
    return longest;
}

static json_t *complexity_of(struct steps *steps, size_t depends)
{
    json_t *cycles = json_array();
    int chain = longest_chain(steps, cycles), edges = 0, widest = 0;
    int64_t minutes = 0;
    for (int i = 0; i < steps->count; i++) {
        edges += (int)steps->all[i].needs;
        minutes += steps->all[i].minutes;
        widest = (int)steps->all[i].needs > widest ? (int)steps->all[i].needs : widest;
    }
    struct ml_driver drivers[] = {
        {"steps", steps->count, 1.5, 30},
        {"needs", edges, 1.5, 20},
        {"longest_chain", chain, 2, 20},
        {"most_needs_of_a_step", widest, 2, 10},
        {"other_blueprints", (double)depends, 2, 10},
        {"hours", (double)minutes / 60, 0.5, 10},
    };
    json_decref(cycles);
    return ml_complexity(drivers, sizeof drivers / sizeof *drivers);
}

/* ---- making --------------------------------------------------------------------------------- */

static int keep_step(struct tool_call *call, int64_t id, size_t number, const json_t *step)
{
    const char *name = json_string_value(json_object_get(step, "name"));
    const char *description = json_string_value(json_object_get(step, "description"));
    const json_t *minutes = json_object_get(step, "minutes");
    json_t *needs = json_object_get(step, "needs"), *needed;
    size_t index;
    if (records_run(call->store->records, &call->error,
                    "INSERT INTO blueprint_steps(blueprint, number, name, description, minutes)"
                    " VALUES(?1, ?2, ?3, ?4, ?5)",
                    "iissi", id, (int64_t)number, name, description ? description : "",
                    tool_integer_of(minutes, 30)) < 0)
        return -1;
    json_array_foreach(needs, index, needed)
    {
        if (records_run(call->store->records, &call->error,
                        "INSERT OR IGNORE INTO blueprint_needs VALUES(?1, ?2, ?3)", "iss", id, name,
                        json_string_value(needed)) < 0)
            return -1;
    }
    return 0;
}

static int link_blueprints(struct tool_call *call, int64_t id, const json_t *depends)
{
    char from[48], to[48];
    size_t index;
    json_t *needed;
    snprintf(from, sizeof from, "blueprint:%lld", (long long)id);
    if (graph_node_put(call->store->graph, from, "blueprint", NULL, NULL, &call->error) < 0)
        return -1;
    json_array_foreach(depends, index, needed)
    {
        int64_t other = tool_integer_of(needed, 0), there = 0;
        if (records_run(call->store->records, &call->error,
                        "INSERT OR IGNORE INTO blueprint_depends VALUES(?1, ?2)", "ii", id,
                        other) < 0 ||
            records_integer(call->store->records, &call->error, 0, &there,
                            "SELECT 1 FROM blueprints WHERE id = ?1", "i", other) < 0)
            return -1;
        snprintf(to, sizeof to, "blueprint:%lld", (long long)other);
        if (there &&
            graph_relation_put(call->store->graph, from, "needs", to, NULL, NULL, &call->error) < 0)
            return -1;
    }
    return 0;
}

/* Keep a blueprint and answer with it. */
static int keep_blueprint(struct tool_call *call, const char *name, const char *description,
                          const json_t *steps, const json_t *depends)
{
    json_t *step, *seen = json_object();
    size_t index;
    json_array_foreach(steps, index, step)
    {
        const char *step_name = json_string_value(json_object_get(step, "name"));
        if (json_object_get(seen, step_name)) {
            json_decref(seen);
            return tool_fail(call, "invalid_argument",
                             "steps[%zu].name: there is a step \"%.100s\" before it", index,
                             step_name);
        }
        json_object_set_new(seen, step_name, json_true());
    }
    json_decref(seen);
    if (records_run(call->store->records, &call->error,
                    "INSERT INTO blueprints(name, description, created_at) VALUES(?1, ?2, ?3)",
                    "ssi", name, description, store_now_ms()) < 0)
        return tool_fail_tier(call);
    int64_t id = records_last_id(call->store->records);
    json_array_foreach(steps, index, step)
    {
        if (keep_step(call, id, index, step) < 0)
            return tool_fail_tier(call);
    }
    char text[4096];
    snprintf(text, sizeof text, "%.1000s\n%.3000s", name, description);
    if (link_blueprints(call, id, depends) < 0 ||
        vectors_put(call->store->vectors, VECTORS_TASKS, id, text, &call->error) < 0)
        return tool_fail_tier(call);
    struct steps *graph = load_steps(call, id);
    if (!graph)
        return -1;
    call->structured =
        json_pack("{s:I, s:s, s:i, s:o}", "id", (json_int_t)id, "name", name, "steps", graph->count,
                  "complexity", complexity_of(graph, json_array_size(depends)));
    steps_free(graph);
    return 0;
}

static int create_task_blueprint(struct tool_call *call)
{
    return keep_blueprint(call, tool_text(call, "name", ""), tool_text(call, "description", ""),
                          tool_value(call, "steps"), tool_value(call, "depends_on"));
}

/* Each function is a step that needs those it calls. */
static json_t *steps_of_code(struct source *source)
{
    json_t *functions = source_functions(source), *function, *names = json_object(),
           *steps = json_array();
    size_t index, at;
    json_array_foreach(functions, index, function)
    {
        const char *name = json_string_value(json_object_get(function, "name"));
        if (json_object_get(names, name) || json_object_size(names) == STEPS_LIMIT)
            continue;
        json_object_set_new(names, name, json_true());
        json_t *lines =
            json_integer(json_integer_value(json_object_get(function, "last_line")) -
                         json_integer_value(json_object_get(function, "first_line")) + 1);
        json_array_append_new(steps, json_pack("{s:O, s:O, s:o, s:O}", "name",
                                               json_object_get(function, "name"), "description",
                                               json_object_get(function, "signature"), "minutes",
                                               lines, "needs", json_object_get(function, "calls")));
    }
    json_array_foreach(steps, index, function)
    {
        json_t *calls = json_object_get(function, "needs"), *called, *kept = json_array();
        json_array_foreach(calls, at, called)
        {
            if (json_object_get(names, json_string_value(called)))
                json_array_append(kept, called);
        }
        json_object_set_new(function, "needs", kept);
    }
    json_decref(functions);
    json_decref(names);
    return steps;
}

static int create_blueprint_from_code(struct tool_call *call)
{
    const char *code = tool_text(call, "code", ""), *name = tool_text(call, "language", NULL);
    enum source_language language =
        name ? source_language_named(name) : source_language_guess(code);
    struct source source;
    if (language == SOURCE_UNKNOWN)
        return tool_fail(call, "invalid_argument",
                         "code: its language cannot be told from the text; give language");
    if (source_open(&source, language, code) < 0)
        return tool_fail(call, "internal", "out of memory");
    json_t *steps = steps_of_code(&source), *imports = source_imports(&source);
    char *list = json_dumps(imports, 0), description[2000];
    snprintf(description, sizeof description, "Made of %s code; imports %.1800s",
             source_language_name(language), list ? list : "[]");
    for (char *end = description + strlen(description); /* never half a character at the end */
         end > description && ((unsigned char)end[-1] & 0x80); end--)
        end[-1] = '\0';
    int result =
        json_array_size(steps)
            ? keep_blueprint(call, tool_text(call, "name", "code"), description, steps, NULL)
            : tool_fail(call, "invalid_argument",
                        "code: there is no function in it that could be a step");
    if (result == 0)
        json_object_set(call->structured, "imports", imports);
    free(list);
    json_decref(steps);
    json_decref(imports);
    source_close(&source);
    return result;
}

/* ---- asking --------------------------------------------------------------------------------- */

static int require_blueprint(struct tool_call *call, int64_t id, char name[201], char **description)
{
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT name, description FROM blueprints WHERE id = ?1", "i", id);
    if (row && records_next(row, &call->error)) {
        snprintf(name, 201, "%s", records_text(row, 0));
        if (description)
            *description = strdup(records_text(row, 1));
        records_done(row);
        return 0;
    }
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return tool_fail(call, "not_found", "id: there is no blueprint %lld", (long long)id);
}

/* [{"id", "name", "distance"}] of blueprint nodes. */
static json_t *name_blueprints(struct tool_call *call, json_t *nodes)
{
    json_t *named = json_array(), *node;
    size_t index;
    char name[201];
    json_array_foreach(nodes, index, node)
    {
        const char *key = json_string_value(json_object_get(node, "key"));
        int64_t id = strtoll(key + strlen("blueprint:"), NULL, 10);
        if (require_blueprint(call, id, name, NULL) == 0)
            json_array_append_new(named,
                                  json_pack("{s:I, s:s, s:O}", "id", (json_int_t)id, "name", name,
                                            "distance", json_object_get(node, "distance")));
    }
    json_decref(nodes);
    return named;
}

static int query_blueprint_relationships(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    unsigned depth = (unsigned)tool_integer(call, "depth", 3);
    char name[201], key[48];
    if (require_blueprint(call, id, name, NULL) < 0)
        return -1;
    snprintf(key, sizeof key, "blueprint:%lld", (long long)id);
    json_t *below = graph_within(call->store->graph, key, GRAPH_OUT, "needs", "blueprint:", depth,
                                 100, &call->error);
    json_t *above = below ? graph_within(call->store->graph, key, GRAPH_IN, "needs",
                                         "blueprint:", depth, 100, &call->error)
                          : NULL;
    if (!above) {
        json_decref(below);
        return tool_fail_tier(call);
    }
    call->structured =
        json_pack("{s:I, s:s, s:o, s:o}", "id", (json_int_t)id, "name", name, "depends_on",
                  name_blueprints(call, below), "needed_by", name_blueprints(call, above));
    return call->reason ? -1 : 0;
}

static json_t *orphan_dependencies(struct tool_call *call, int64_t id)
{
    json_t *orphans = json_array();
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT needed FROM blueprint_depends WHERE blueprint = ?1"
                                      " AND needed NOT IN (SELECT id FROM blueprints)",
                                      "i", id);
    while (row && records_next(row, &call->error))
        json_array_append_new(orphans, json_integer((json_int_t)sqlite3_column_int64(row, 0)));
    return orphans;
}

static int validate_blueprint_consistency(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    char name[201];
    if (require_blueprint(call, id, name, NULL) < 0)
        return -1;
    struct steps *steps = load_steps(call, id);
    if (!steps)
        return -1;
    json_t *cycles = json_array(), *alone = json_array(), *orphans = orphan_dependencies(call, id);
    longest_chain(steps, cycles);
    for (int i = 0; i < steps->count && steps->count > 1; i++)
        if (steps->all[i].needs + steps->all[i].needed_by == 0)
            json_array_append_new(alone, json_string(steps->all[i].name));
    bool good =
        json_array_size(cycles) + json_array_size(steps->missing) + json_array_size(orphans) == 0;
    call->structured =
        json_pack("{s:I, s:b, s:o, s:O, s:o, s:o}", "id", (json_int_t)id, "consistent", good,
                  "cycles", cycles, "missing_steps", steps->missing, "orphan_dependencies", orphans,
                  "isolated_steps", alone);
    steps_free(steps);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- as a document -------------------------------------------------------------------------- */

/* A text within a line of Markdown or a label of Mermaid: nothing in it can end either. */
static int plain(struct buffer *out, const char *text)
{
    int failed = 0;
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            failed |= buffer_append_char(out, ' ');
        else if (strchr("\"<>[]{}`|#", *text))
            failed |= buffer_printf(out, "&#%d;", *text);
        else
            failed |= buffer_append_char(out, *text);
    }
    return failed;
}

static int write_diagram(struct buffer *out, const struct steps *steps)
{
    int failed = buffer_append_text(out, "\n```mermaid\nflowchart TD\n");
    for (int i = 0; i < steps->count; i++) {
        failed |= buffer_printf(out, "  s%d[\"", i + 1) | plain(out, steps->all[i].name);
        failed |= buffer_append_text(out, "\"]\n");
    }
    for (int i = 0; i < steps->count; i++)
        for (int needed = 0; needed < steps->count; needed++)
            if (steps->edge[i][needed])
                failed |= buffer_printf(out, "  s%d --> s%d\n", needed + 1, i + 1);
    return failed | buffer_append_text(out, "```\n");
}

static int write_steps(struct tool_call *call, int64_t id, struct buffer *out)
{
    int failed = buffer_append_text(out, "\n## Steps\n\n");
    sqlite3_stmt *row = records_query(
        call->store->records, &call->error,
        "SELECT s.name, s.description, s.minutes, (SELECT group_concat(needed, ', ') FROM"
        " blueprint_needs n WHERE n.blueprint = ?1 AND n.step = s.name) FROM blueprint_steps s"
        " WHERE s.blueprint = ?1 ORDER BY s.number",
        "i", id);
    for (int number = 1; row && records_next(row, &call->error); number++) {
        failed |= buffer_printf(out, "%d. **", number) | plain(out, records_text(row, 0));
        failed |= buffer_printf(out, "** (%lld min)", (long long)sqlite3_column_int64(row, 2));
        if (*records_text(row, 1))
            failed |= buffer_append_text(out, ": ") | plain(out, records_text(row, 1));
        if (*records_text(row, 3))
            failed |= buffer_append_text(out, "; needs ") | plain(out, records_text(row, 3));
        failed |= buffer_append_char(out, '\n');
    }
    return failed;
}

static int generate_blueprint_documentation(struct tool_call *call)
{
    int64_t id = tool_integer(call, "id", 0);
    char name[201], *description = NULL;
    if (require_blueprint(call, id, name, &description) < 0)
        return -1;
    struct steps *steps = load_steps(call, id);
    if (!steps) {
        free(description);
        return -1;
    }
    struct buffer out;
    buffer_init(&out, DOCUMENT_LIMIT);
    int failed = buffer_append_text(&out, "# ") | plain(&out, name);
    failed |= buffer_append_text(&out, "\n\n") | plain(&out, description ? description : "");
    failed |= buffer_append_char(&out, '\n');
    failed |= write_steps(call, id, &out) | write_diagram(&out, steps);
    char *text = buffer_take_string(&out);
    if (failed == 0 && text)
        call->structured = json_pack("{s:I, s:s}", "id", (json_int_t)id, "markdown", text);
    free(text);
    free(description);
    steps_free(steps);
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return call->structured
               ? 0
               : tool_fail(call, "too_large", "the document is over %zu bytes", DOCUMENT_LIMIT);
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define ID "\"id\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"of the blueprint\"}"
#define CODE "\"code\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 262144, \"description\": \"a source text\"}"
#define LANGUAGE "\"language\": {\"enum\": [\"c\", \"python\", \"javascript\", \"go\", \"java\"], \"description\": \"of the code; guessed when absent\"}"
#define DOCUMENT "\"document\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 262144, \"description\": \"the text that describes the code\"}," \
    "\"memory\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"a memory that holds it, in place of document\"}"
#define HOURS "\"hours\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 87600, \"description\": \"only the last so many; all when absent\"}"
#define INTEGER(name) "\"" name "\": {\"type\": \"integer\"}"
#define STRING(name) "\"" name "\": {\"type\": \"string\"}"
#define NUMBER(name) "\"" name "\": {\"type\": [\"number\", \"null\"]}"
#define NAMES(name) "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
#define OBJECTS(name, properties, required) \
    "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}}"
#define COMPLEXITY "{\"type\": \"object\", \"properties\": {\"score\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 100}," \
    OBJECTS("drivers", STRING("name") "," NUMBER("value") "," NUMBER("points"), "\"name\", \"value\", \"points\"") "}, \"required\": [\"score\", \"drivers\"]}"
#define BLUEPRINT INTEGER("id") "," STRING("name") "," INTEGER("steps") ", \"complexity\": " COMPLEXITY
#define BLUEPRINT_NAMES "\"id\", \"name\", \"steps\", \"complexity\""
#define RELATED(name) OBJECTS(name, INTEGER("id") "," STRING("name") "," INTEGER("distance"), "\"id\", \"name\", \"distance\"")
#define FINDINGS OBJECTS("findings", STRING("kind") "," STRING("name") "," STRING("detail"), "\"kind\", \"name\", \"detail\"")
#define READS TOOL_READ_ONLY | TOOL_IDEMPOTENT
#define DRIFT_EXAMPLE JSON({"language": "python", "code": "def load(path, strict):\n    return open(path)\n\ndef save(path):\n    pass\n", "document": "Call `load(path)` to read and `close()` at the end."})

static const struct tool tools[] = {
    {"create_task_blueprint", "Plan a task", "Keep a plan of a task: steps, what each needs, what other plans it builds on; with a score of its complexity. Use it before work that takes several steps.", "ml", 0,
     INPUT_SCHEMA("\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200, \"description\": \"of the task\"},"
           "\"description\": {\"type\": \"string\", \"maxLength\": 16384, \"description\": \"what it is about\"},"
           "\"steps\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 200, \"description\": \"in any order\", \"items\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
           "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"description\": {\"type\": \"string\", \"maxLength\": 4096},"
           "\"minutes\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 100000}, \"needs\": {\"type\": \"array\", \"maxItems\": 200, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}}},"
           "\"required\": [\"name\"]}},"
           "\"depends_on\": {\"type\": \"array\", \"maxItems\": 100, \"items\": {\"type\": \"integer\", \"minimum\": 1}, \"description\": \"ids of blueprints it builds on\"}",
           "\"name\", \"steps\"",
           JSON({"name": "Move the archive", "description": "To the new disks", "steps": [{"name": "copy", "minutes": 60}, {"name": "compare", "needs": ["copy"]}, {"name": "switch", "needs": ["compare"]}]})),
     OUTPUT_SCHEMA(BLUEPRINT, BLUEPRINT_NAMES), create_task_blueprint},
    {"query_blueprint_relationships", "What a blueprint depends on", "Blueprints that one depends on and those that depend on it, within a depth. Use it before changing one.", "ml", READS,
     INPUT_SCHEMA(ID ", \"depth\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 10, \"default\": 3, \"description\": \"steps away at most\"}", "\"id\"", JSON({"id": 1})),
     OUTPUT_SCHEMA(INTEGER("id") "," STRING("name") "," RELATED("depends_on") "," RELATED("needed_by"), "\"id\", \"name\", \"depends_on\", \"needed_by\""), query_blueprint_relationships},
    {"validate_blueprint_consistency", "Check a blueprint", "Cycles, needs that name no step, dependencies that do not exist, steps that nothing joins. Use it before following a blueprint.", "ml", READS,
     INPUT_SCHEMA(ID, "\"id\"", JSON({"id": 1})),
     OUTPUT_SCHEMA(INTEGER("id") ", \"consistent\": {\"type\": \"boolean\"}, \"cycles\": {\"type\": \"array\", \"items\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}},"
           OBJECTS("missing_steps", STRING("step") "," STRING("needs"), "\"step\", \"needs\"") ", \"orphan_dependencies\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}}," NAMES("isolated_steps"),
           "\"id\", \"consistent\", \"cycles\", \"missing_steps\", \"orphan_dependencies\", \"isolated_steps\""), validate_blueprint_consistency},
    {"create_blueprint_from_code", "Blueprint of a source text", "A blueprint whose steps are the functions of a source text and whose needs are their calls. Use it to plan a rewrite.", "ml", 0,
     INPUT_SCHEMA(CODE "," LANGUAGE ", \"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200, \"description\": \"of the blueprint\"}", "\"code\"",
           JSON({"name": "tide table", "language": "python", "code": "import math\n\ndef tide(hour):\n    return height(hour)\n\ndef height(hour):\n    return math.sin(hour)\n"})),
     OUTPUT_SCHEMA(BLUEPRINT "," NAMES("imports"), BLUEPRINT_NAMES ", \"imports\""), create_blueprint_from_code},
    {"generate_blueprint_documentation", "Document a blueprint", "A blueprint as Markdown, with its steps as a Mermaid flowchart.", "ml", READS,
     INPUT_SCHEMA(ID, "\"id\"", JSON({"id": 1})), OUTPUT_SCHEMA(INTEGER("id") "," STRING("markdown"), "\"id\", \"markdown\""), generate_blueprint_documentation},
    {"detect_documentation_drift", "Where document and code part", "Functions and classes that a document does not name, names in it that the code does not have, and signatures that differ. Use it after changing code.", "ml", READS,
     INPUT_SCHEMA(CODE "," LANGUAGE "," DOCUMENT, "\"code\"", DRIFT_EXAMPLE),
     OUTPUT_SCHEMA(FINDINGS "," INTEGER("symbols") "," INTEGER("documented"), "\"findings\", \"symbols\", \"documented\""), ml_detect_documentation_drift},
    {"get_documentation_consistency_score", "Score a document", "0 to 1: how far a document and code agree, with what lowered it.", "ml", READS,
     INPUT_SCHEMA(CODE "," LANGUAGE "," DOCUMENT, "\"code\"", DRIFT_EXAMPLE),
     OUTPUT_SCHEMA("\"score\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1}, \"similarity\": {\"type\": \"number\"},"
           OBJECTS("lowered_by", STRING("kind") "," INTEGER("count") "," NUMBER("points"), "\"kind\", \"count\", \"points\""), "\"score\", \"similarity\", \"lowered_by\""), ml_documentation_score},
    {"validate_documentation_consistency", "Hold a document against a minimum", "Whether the score of a document reaches a minimum, with the findings. Use it as a gate.", "ml", READS,
     INPUT_SCHEMA(CODE "," LANGUAGE "," DOCUMENT ", \"minimum\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.8, \"description\": \"score that is enough\"}", "\"code\"", DRIFT_EXAMPLE),
     OUTPUT_SCHEMA("\"passed\": {\"type\": \"boolean\"}, \"score\": {\"type\": \"number\"}, \"minimum\": {\"type\": \"number\"}," FINDINGS, "\"passed\", \"score\", \"minimum\", \"findings\""),
     ml_validate_documentation},
    {"auto_link_documents", "Link similar memories", "Link the newest memories, or one, to those most like them, above a threshold, with a \\\"similar\\\" relation. Use it now and then, to find connections.", "ml", TOOL_IDEMPOTENT,
     INPUT_SCHEMA("\"memory\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"only this one\"},"
           "\"threshold\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.6, \"description\": \"similarity that is enough\"},"
           "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"default\": 20, \"description\": \"memories to look at\"}", "",
           JSON({"threshold": 0.5, "limit": 10})),
     OUTPUT_SCHEMA(INTEGER("looked_at") "," OBJECTS("links", INTEGER("from") "," INTEGER("to") "," NUMBER("score") ", \"created\": {\"type\": \"boolean\"}", "\"from\", \"to\", \"score\", \"created\""),
           "\"looked_at\", \"links\""), ml_auto_link_documents},
    {"analyze_task_complexity", "How hard is a task", "A score of 0 to 100 from the words of a task, with what drives it, and the tasks and blueprints most like it. Use it to decide whether to split it.", "ml", READS,
     INPUT_SCHEMA("\"text\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 16384, \"description\": \"the task\"}", "\"text\"",
           JSON({"text": "Move the archive to the new disks, then compare every file; if any differs, copy it again before the old disks are removed."})),
     OUTPUT_SCHEMA("\"complexity\": " COMPLEXITY "," OBJECTS("similar_blueprints", INTEGER("id") "," STRING("name") "," NUMBER("score"), "\"id\", \"name\", \"score\"") ","
           INTEGER("similar_tasks_done") "," NUMBER("their_mean_minutes"), "\"complexity\", \"similar_blueprints\", \"similar_tasks_done\", \"their_mean_minutes\""), ml_analyze_task_complexity},
    {"get_taskmaster_performance_metrics", "How tasks flow", "Tasks finished per day, lead times (median and 90th percentile of the last 500), and the age of open ones, over a window.", "ana", READS,
     INPUT_SCHEMA(HOURS, "", JSON({}) "," JSON({"hours": 168})),
     OUTPUT_SCHEMA(INTEGER("added") "," INTEGER("completed") "," NUMBER("completed_per_day") "," NUMBER("median_lead_ms") "," NUMBER("p90_lead_ms") "," NUMBER("mean_lead_ms") ","
           INTEGER("open") "," NUMBER("median_age_ms") "," NUMBER("oldest_age_ms"), "\"added\", \"completed\", \"completed_per_day\", \"median_lead_ms\", \"p90_lead_ms\", \"open\", \"oldest_age_ms\""),
     ml_taskmaster_metrics},
    {"get_performance_report", "Report on the tools", "Volume, errors and latency of the tools: counts over a window of hours, percentiles since the last reset.", "ana", READS,
     INPUT_SCHEMA(HOURS, "", JSON({}) "," JSON({"hours": 24})),
     OUTPUT_SCHEMA(INTEGER("calls") "," INTEGER("failures") "," NUMBER("error_rate") "," OBJECTS("volume", STRING("tool") "," INTEGER("calls") "," INTEGER("failures") "," NUMBER("mean_ms"), "\"tool\", \"calls\", \"failures\"") ","
           OBJECTS("latency", STRING("tool") "," INTEGER("calls") "," NUMBER("p50_ms") "," NUMBER("p99_ms"), "\"tool\", \"calls\", \"p50_ms\", \"p99_ms\"") "," INTEGER("latency_since"),
           "\"calls\", \"failures\", \"error_rate\", \"volume\", \"latency\", \"latency_since\""), ml_performance_report},
};
/* clang-format on */

const struct tool_group tools_advanced_ml = {
    .name = "advanced_ml",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
