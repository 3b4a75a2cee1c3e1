/* The whole tool table of burrow, as a client reaches it: lines of the input are messages or calls,
 * answered one after another on one store that keeps nothing.
 *
 *     {"jsonrpc": ...}     a message as it is, whatever the bytes are
 *     NAME {...}           a call of a tool; what follows the name is put into the message verbatim
 *     anything else        a call made of the bytes: a tool, arguments by its schema, then changed
 *
 * Whatever comes: there is an answer, which is JSON and says what is wrong when something is; a
 * result holds against the tool's outputSchema; a call that failed, or only reads, has changed
 * nothing; no statement is left running. */
#include "burrow/server/protocol.h"
#include "burrow/tiers/memories.h"
#include "mcp/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_OF_AN_INPUT 24
#define INPUTS_OF_A_STORE 2000 /* then it is opened anew, so that it does not grow for ever */
#define TOOLS_LIMIT       256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tape { /* what is left of a line; zeros follow it */
    const uint8_t *bytes;
    size_t left;
};

static struct {
    struct store store;
    struct service *service;
    struct schema *inputs[TOOLS_LIMIT]; /* in the order of service->tools */
    uint64_t commits;
    unsigned used; /* by so many inputs */
} burrow;

_Noreturn static void give_up(const char *message, size_t length, const char *answer,
                              const char *what)
{
    fprintf(stderr, "%s\nmessage: %.*s\nanswer: %.4000s\n", what,
            (int)(length < 4000 ? length : 4000), message, answer);
    abort();
}

/* ---- the store ------------------------------------------------------------------------------ */

static int count_commit(void *context)
{
    (void)context;
    burrow.commits++;
    return 0;
}

/* What the calls may find: one of each kind of thing, from the examples of the tools that make it.
 */
static void fill_store(void)
{
    static const char *const makers[] = {"store_memory",        "create_entities", "add_todo",
                                         "add_task_dependency", "register_agent",  NULL};
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < burrow.service->count; i++) {
            const struct tool *tool = burrow.service->tools[i].tool;
            bool maker = !(tool->flags & (TOOL_READ_ONLY | TOOL_PURE | TOOL_DESTRUCTIVE));
            for (size_t m = 0; makers[m]; m++)
                maker |= strcmp(makers[m], tool->name) == 0;
            if (!maker)
                continue;
            json_t *schema = json_loads(tool->input_schema, 0, NULL);
            struct tool_call call;
            if (dispatch_call(burrow.service->dispatch, tool,
                              json_array_get(json_object_get(schema, "examples"), 0), "fuzz",
                              &call) == 0)
                dispatch_release(&call);
            json_decref(schema);
        }
}

/* What statistics keep in memory is made by the first that asks, which is no write of its own. */
static void keep_statistics(void)
{
    static const char *const readers[] = {"get_task_statistics", "get_graph_statistics"};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        struct tool_call call;
        if (dispatch_call(burrow.service->dispatch, tool_find(readers[i]), NULL, "fuzz", &call) < 0)
            abort();
        dispatch_release(&call);
    }
}

static void compile_inputs(void)
{
    struct error error;
    if (burrow.service->count > TOOLS_LIMIT)
        abort();
    for (size_t i = 0; i < burrow.service->count; i++) {
        json_t *document = json_loads(burrow.service->tools[i].tool->input_schema, 0, NULL);
        if (!(burrow.inputs[i] = schema_compile(document, &error)))
            abort();
        json_decref(document);
    }
}

static void open_store(void)
{
    struct error error = {0};
    struct store_options options = {.folder = ":memory:", .cache_limit_bytes = 4 << 20};
    if (burrow.service) {
        service_close(burrow.service);
        store_close(&burrow.store);
    }
    if (store_open(&burrow.store, &options, &error) < 0 ||
        !(burrow.service = service_open(&burrow.store, &error))) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    dispatch_check_results(burrow.service->dispatch, true);
    sqlite3_commit_hook(records_handle(burrow.store.records), count_commit, NULL);
    if (!burrow.inputs[0])
        compile_inputs();
    fill_store();
    keep_statistics();
    burrow.used = 0;
}

/* ---- what must be true ---------------------------------------------------------------------- */

struct state {
    uint64_t commits, keys;
    int64_t rows;
};

static struct state read_state(void)
{
    struct cache_facts facts;
    struct error error;
    if (cache_facts(burrow.store.cache, &facts, &error) < 0)
        abort();
    return (struct state){.commits = burrow.commits,
                          .keys = facts.keys + facts.expirations + facts.evictions,
                          .rows = sqlite3_total_changes64(records_handle(burrow.store.records))};
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void check_rest(const char *message, size_t length, const char *answer)
{
    sqlite3 *handle = records_handle(burrow.store.records);
    if (!sqlite3_get_autocommit(handle))
        give_up(message, length, answer, "a transaction was left open");
    for (sqlite3_stmt *one = NULL; (one = sqlite3_next_stmt(handle, one));)
        if (sqlite3_stmt_busy(one))
            give_up(message, length, sqlite3_sql(one), "a statement was left running");
}

/* True when it is a success. */
static bool check_answer(const char *message, size_t length, const char *answer,
                         size_t answer_length)
{
    json_error_t problem;
    json_t *document = json_loadb(answer, answer_length, 0, &problem);
    if (!document)
        give_up(message, length, answer, problem.text);
    const json_t *result = json_object_get(document, "result");
    const json_t *error = json_object_get(document, "error");
    const char *said = json_string_value(json_object_get(error, "message"));
    bool failed = json_is_true(json_object_get(result, "isError"));
    if (failed)
        said = json_string_value(
            json_object_get(json_array_get(json_object_get(result, "content"), 0), "text"));
    else if (!error && !json_is_object(result) && !json_is_array(document))
        give_up(message, length, answer, "neither a result nor an error");
    if ((failed || error) && (!said || strlen(said) < 5))
        give_up(message, length, answer, "a failure without a word");
    /* All tiers are in the process: what they refuse is a tool's mistake. */
    if (failed && (begins_with(said, "internal:") || begins_with(said, "tier_unavailable:") ||
                   strstr(said, "(null)")))
        give_up(message, length, answer, "a failure that is not the caller's");
    json_decref(document);
    return !failed && !error;
}

/* `tool` NULL: it is not known which is called, if any. */
static void send(const char *message, size_t length, const struct tool *tool)
{
    struct protocol_answer answer;
    struct protocol_context context = {.revision = mcp_revision_find(MCP_LATEST_LEGACY)};
    struct error error;
    int64_t holding;
    if (tool) { /* some readers write the counts of calls first, or index the words of memories that
                   wait for it: that is none of their own writes */
        usage_flush(burrow.store.usage, &error);
        memories_holding(&burrow.store, "word", &holding, &error);
    }
    struct state before = read_state();
    protocol_answer(burrow.service, &context, message, length, &answer);
    struct state after = read_state();
    buffer_append_char(&answer.text, '\0');
    const char *text = buffer_bytes(&answer.text);
    size_t text_length = buffer_length(&answer.text) - 1;
    if (text_length == 0 || answer.listen_id) { /* the result of a subscription comes at its end */
        if (tool || (answer.status != 202 && !answer.listen_id))
            give_up(message, length, "", "no answer");
        protocol_answer_free(&answer);
        return;
    }
    bool good = check_answer(message, length, text, text_length);
    if (!good && (after.commits != before.commits || after.keys != before.keys))
        give_up(message, length, text, "a failed call has changed something");
    if (tool && tool->flags & (TOOL_READ_ONLY | TOOL_PURE) && after.rows != before.rows)
        give_up(message, length, text, "a call that only reads has changed something");
    check_rest(message, length, text);
    protocol_answer_free(&answer);
}

static void send_call(const struct tool *tool, const char *arguments, size_t length)
{
    struct buffer message;
    buffer_init(&message, (size_t)8 << 20);
    buffer_printf(&message,
                  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                  "\"%s\",\"arguments\":",
                  tool->name);
    buffer_append(&message, arguments, length);
    buffer_append_text(&message, "}}");
    send(buffer_bytes(&message), buffer_length(&message), tool);
    buffer_free(&message);
}

/* ---- calls made of bytes -------------------------------------------------------------------- */

static unsigned take(struct tape *tape, unsigned below)
{
    unsigned value = 0;
    for (unsigned reach = 1; reach < below; reach *= 256) {
        value = value * 256 + (tape->left ? *tape->bytes : 0);
        if (tape->left) {
            tape->bytes++;
            tape->left--;
        }
    }
    return below ? value % below : 0;
}

static json_t *hostile_text(struct tape *tape)
{
    static const char *const texts[] = {
        "",
        "'; DROP TABLE memories; --",
        "\" OR 1=1 --",
        "%' UNION SELECT sql FROM sqlite_master --",
        "x NEAR/2 y AND (",
        "name:* OR NOT \"",
        "^a + b*",
        "{a b}: c",
        "'}) DETACH DELETE n //",
        "`}]->() MATCH (m) SET m.x = 1 //",
        "../../../../etc/passwd",
        "..\\..\\x",
        "/dev/null",
        "file:///etc/passwd",
        "\xEF\xBB\xBF\xE2\x80\xAE\xCC\x81\xF0\x9F\x92\xA9",
        "\xC3\xA9\xC3\xA9",
        "<script>alert(1)</script>&amp;\"'",
        "\x1B[2J\x07\r\n\t",
        "%n%s%x",
        "${jndi:x}",
        "graph TD\n A[\"x\"] --> B{y}\n subgraph s\n end end",
        "sequenceDiagram\nA->>B: ;;",
        "def f(:\n\treturn {{{",
        "int f( { /* \" ' \\",
        "<svg onload=x>",
        "-1",
        "1e999",
        "null",
        "entity:alpha",
        "memory:1",
        "task:1",
        "a\nb\nc\n",
        "0",
        "1",
    };
    return json_string(texts[take(tape, sizeof texts / sizeof *texts)]);
}

static json_t *long_text(struct tape *tape)
{
    static const size_t sizes[] = {65, 201, 1025, 4097, 16385, 65537, 262145, 1048577};
    static const char *const parts[] = {"a",         "word ", "\xC3\xA9", "((((",
                                        "A --> B\n", "\"",    "{",        "x. "};
    struct buffer text;
    size_t size = sizes[take(tape, sizeof sizes / sizeof *sizes)];
    const char *part = parts[take(tape, sizeof parts / sizeof *parts)];
    buffer_init(&text, (size_t)2 << 20);
    while (buffer_length(&text) + strlen(part) <= size)
        buffer_append_text(&text, part);
    json_t *value = json_stringn(buffer_bytes(&text), buffer_length(&text));
    buffer_free(&text);
    return value;
}

static json_t *deep_value(struct tape *tape)
{
    json_t *value = json_array();
    unsigned objects = take(tape, 2);
    for (unsigned depth = 10 + take(tape, 256); depth; depth--)
        value = objects ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
    return value;
}

static json_t *text_of_bytes(struct tape *tape)
{
    size_t length = take(tape, 64);
    length = length < tape->left ? length : tape->left;
    json_t *value = json_stringn((const char *)tape->bytes, length); /* NULL when it is no UTF-8 */
    tape->bytes += length;
    tape->left -= length;
    return value ? value : json_string("\xEF\xBF\xBD");
}

static json_t *any_value(struct tape *tape)
{
    static const json_int_t integers[] = {0,   1,     2,         3,         -1,       100,
                                          101, 65536, INT32_MAX, INT64_MIN, INT64_MAX};
    static const double reals[] = {0.0, -0.0, 1.0, 0.5, 1e308, -1e308, 5e-324, 1e15, 9.3e18, 1.5};
    switch (take(tape, 12)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(take(tape, 2));
    case 2:
    case 3:
        return json_integer(integers[take(tape, sizeof integers / sizeof *integers)]);
    case 4:
        return json_real(reals[take(tape, sizeof reals / sizeof *reals)]);
    case 5:
        return take(tape, 2) ? json_array() : json_object();
    case 6:
        return deep_value(tape);
    case 7:
        return long_text(tape);
    case 8:
    case 9:
        return text_of_bytes(tape);
    default:
        return hostile_text(tape);
    }
}

static void change_array(json_t *array, struct tape *tape)
{
    unsigned index = take(tape, (unsigned)json_array_size(array)), how = take(tape, 4);
    if (how == 0)
        json_array_remove(array, index);
    else if (how == 1 && json_dumpb(json_array_get(array, index), NULL, 0, JSON_ENCODE_ANY) < 4096)
        for (unsigned more = take(tape, 256); more; more--)
            json_array_append_new(array, json_deep_copy(json_array_get(array, index)));
    else
        json_array_set_new(array, index, any_value(tape));
}

static void change_member(json_t *object, void *member, struct tape *tape)
{
    unsigned how = take(tape, 5);
    if (how == 0)
        json_object_del(object, json_object_iter_key(member));
    else if (how == 1)
        json_object_set_new(object, "surplus", any_value(tape));
    else
        json_object_iter_set_new(object, member, any_value(tape));
}

/* Down some path, to a value that is changed. */
static void change(json_t *at, struct tape *tape)
{
    for (;;) {
        json_t *below;
        if (json_is_array(at) && json_array_size(at)) {
            below = json_array_get(at, take(tape, (unsigned)json_array_size(at)));
            if (take(tape, 4) == 0 || !(json_is_array(below) || json_is_object(below))) {
                change_array(at, tape);
                return;
            }
        } else if (json_is_object(at) && json_object_size(at)) {
            void *member = json_object_iter(at);
            for (unsigned skip = take(tape, (unsigned)json_object_size(at)); skip; skip--)
                member = json_object_iter_next(at, member);
            below = json_object_iter_value(member);
            if (take(tape, 4) == 0 || !(json_is_array(below) || json_is_object(below))) {
                change_member(at, member, tape);
                return;
            }
        } else {
            if (json_is_object(at))
                json_object_set_new(at, "surplus", any_value(tape));
            return;
        }
        at = below;
    }
}

static json_t *make_arguments(size_t tool, struct tape *tape)
{
    struct random random;
    struct error error;
    json_t *made = NULL;
    unsigned how = take(tape, 3);
    if (how > 0) {
        random_seed(&random, take(tape, 65536), tool);
        made = schema_generate(burrow.inputs[tool], &random,
                               how == 1 ? SCHEMA_GENERATE_SIMPLE : SCHEMA_GENERATE_VARIED, &error);
    }
    if (made)
        return made;
    json_t *schema = json_loads(burrow.service->tools[tool].tool->input_schema, 0, NULL);
    json_t *examples = json_object_get(schema, "examples");
    made =
        json_deep_copy(json_array_get(examples, take(tape, (unsigned)json_array_size(examples))));
    json_decref(schema);
    return made ? made : json_object();
}

static void call_of_bytes(struct tape *tape)
{
    size_t tool = take(tape, (unsigned)burrow.service->count);
    json_t *arguments = make_arguments(tool, tape);
    for (unsigned times = take(tape, 4); times && tape->left; times--)
        change(arguments, tape);
    char *text = json_dumps(arguments, JSON_COMPACT);
    if (text)
        send_call(burrow.service->tools[tool].tool, text, strlen(text));
    free(text);
    json_decref(arguments);
}

/* ---- lines ---------------------------------------------------------------------------------- */

static const struct tool *named_tool(const uint8_t *line, size_t length, size_t *name_length)
{
    char name[64];
    const uint8_t *space = memchr(line, ' ', length < sizeof name ? length : sizeof name);
    if (!space)
        return NULL;
    *name_length = (size_t)(space - line);
    memcpy(name, line, *name_length);
    name[*name_length] = '\0';
    const struct service_tool *found = service_find(burrow.service, name);
    return found ? found->tool : NULL;
}

static void take_line(const uint8_t *line, size_t length)
{
    size_t name;
    const struct tool *tool;
    struct tape tape = {line, length};
    if (length == 0)
        return;
    if (line[0] == '{' || line[0] == '[')
        send((const char *)line, length, NULL);
    else if ((tool = named_tool(line, length, &name)))
        send_call(tool, (const char *)line + name + 1, length - name - 1);
    else
        call_of_bytes(&tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!burrow.service || burrow.used++ == INPUTS_OF_A_STORE)
        open_store();
    for (unsigned calls = 0; size && calls < CALLS_OF_AN_INPUT; calls++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) : size;
        take_line(data, length);
        data += end ? length + 1 : length;
        size -= end ? length + 1 : length;
    }
    return 0;
}
