/* Prompts: ways of working with the memory that a user can choose, and completion of their
 * arguments. */
#include "burrow/server/methods.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENT   4096
#define MAX_COMPLETION 100

struct argument {
    const char *name, *description;
    bool required;
};

struct prompt {
    const char *name, *title, *description;
    struct argument arguments[3];
    const char *text; /* {name} stands for an argument, empty when it is absent */
};

static const struct prompt prompts[] = {
    {"recall",
     "Recall what is known",
     "Gather what the memory holds about a topic before starting to work on it.",
     {{"topic", "What to gather: a project, a person, a question.", true},
      {"detail", "How much to tell: brief or full.", false}},
     "Find out what the memory holds about: {topic}\n\n"
     "Search by meaning with retrieve_memory, by words with search_memory, and look for named "
     "things in the graph with search_nodes. Tell me what is known, with the id of each memory "
     "that "
     "you rely on, what contradicts itself, and what is missing. Do not fill gaps by guessing. "
     "Detail wanted: {detail}"},
    {"remember_decision",
     "Remember a decision",
     "Keep a decision with its reasons, so that it is found when the question comes up again.",
     {{"decision", "What was decided.", true},
      {"reasons", "Why, and what was rejected.", false},
      {"tags", "Words to find it by, separated by commas.", false}},
     "Keep this decision: {decision}\n\nReasons: {reasons}\nTags: {tags}\n\n"
     "First look with search_memory whether an earlier decision is changed by it. Then store it "
     "with "
     "store_memory, as a text that stands by itself: what was decided, why, what was rejected. If "
     "an "
     "earlier decision is replaced, say so in the text with its id. Tell me the new id."},
    {"review_memories",
     "Review memories",
     "Look over memories about a topic for what is stale, double or contradictory.",
     {{"topic", "What to review.", true}},
     "Review what the memory holds about: {topic}\n\n"
     "List for each memory whether it still holds, is a double of another, or contradicts one. "
     "Propose what to merge, correct or delete, and change nothing before I agree."},
    {"explain_tool",
     "Explain a tool",
     "Say when to use one of the tools, and what it takes and gives.",
     {{"tool", "The name of a tool.", true}},
     "Explain when to use the tool {tool}, with an example."},
};

#define PROMPT_COUNT (sizeof prompts / sizeof *prompts)

static const struct prompt *find_prompt(const char *name)
{
    for (size_t i = 0; name && i < PROMPT_COUNT; i++)
        if (strcmp(prompts[i].name, name) == 0)
            return &prompts[i];
    return NULL;
}

static const struct argument *each_argument(const struct prompt *prompt, size_t index)
{
    const size_t most = sizeof prompt->arguments / sizeof *prompt->arguments;
    return index < most && prompt->arguments[index].name ? &prompt->arguments[index] : NULL;
}

int method_prompts_list(struct method_call *call)
{
    const struct argument *argument;
    if (json_object_get(call->params, "cursor"))
        return method_fail(call, RPC_INVALID_PARAMS, "prompts/list has one page and no cursor");
    json_t *list = json_array();
    for (size_t i = 0; i < PROMPT_COUNT; i++) {
        json_t *arguments = json_array();
        for (size_t a = 0; (argument = each_argument(&prompts[i], a)); a++)
            json_array_append_new(arguments, json_pack("{s:s, s:s, s:b}", "name", argument->name,
                                                       "description", argument->description,
                                                       "required", (int)argument->required));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", prompts[i].name,
                                              "title", prompts[i].title, "description",
                                              prompts[i].description, "arguments", arguments));
    }
    return method_give(call, json_pack("{s:o}", "prompts", list));
}

static int check_arguments(struct method_call *call, const struct prompt *prompt,
                           const json_t *given)
{
    const struct argument *argument;
    for (size_t a = 0; (argument = each_argument(prompt, a)); a++) {
        const json_t *value = json_object_get(given, argument->name);
        if (!value && argument->required)
            return method_fail(call, RPC_INVALID_PARAMS, "the prompt %s needs the argument %s",
                               prompt->name, argument->name);
        if (value && (!json_is_string(value) || json_string_length(value) > MAX_ARGUMENT))
            return method_fail(call, RPC_INVALID_PARAMS,
                               "the argument %s must be a text of at most %d bytes", argument->name,
                               MAX_ARGUMENT);
    }
    return 0;
}

static int fill(const struct prompt *prompt, const json_t *given, struct buffer *out)
{
    int result = 0;
    for (const char *text = prompt->text; *text;) {
        size_t plain = strcspn(text, "{");
        result |= buffer_append(out, text, plain);
        text += plain;
        if (!*text)
            break;
        char name[32];
        size_t length = strcspn(text, "}");
        snprintf(name, sizeof name, "%.*s", (int)length - 1, text + 1);
        const char *value = json_string_value(json_object_get(given, name));
        result |= buffer_append_text(out, value ? value : "(not given)");
        text += length + 1;
    }
    return result;
}

/* What the server knows of the tool goes with the question. */
static int add_tool(struct method_call *call, const char *name, struct buffer *out)
{
    const struct service_tool *found = name ? service_find(call->service, name) : NULL;
    if (!found)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "there is no tool \"%.100s\"; tools/list names them", name ? name : "");
    return buffer_printf(out, "\n\n%s: %s\n\nArguments (JSON Schema): %s", found->tool->title,
                         found->tool->description, found->tool->input_schema);
}

int method_prompts_get(struct method_call *call)
{
    struct buffer text;
    const char *name = method_text(call, "name");
    const struct prompt *prompt = find_prompt(name);
    const json_t *given = json_object_get(call->params, "arguments");
    if (!prompt)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "there is no prompt \"%.100s\"; prompts/list names them",
                           name ? name : "");
    if (check_arguments(call, prompt, given) < 0)
        return -1;
    buffer_init(&text, (size_t)1 << 20);
    int result = fill(prompt, given, &text);
    if (result == 0 && strcmp(prompt->name, "explain_tool") == 0)
        result = add_tool(call, json_string_value(json_object_get(given, "tool")), &text);
    if (result == 0)
        result = method_give(call, json_pack("{s:s, s:[{s:s, s:{s:s, s:s%}}]}", "description",
                                             prompt->description, "messages", "role", "user",
                                             "content", "type", "text", "text", buffer_bytes(&text),
                                             buffer_length(&text)));
    buffer_free(&text);
    return result;
}

/* --- completion --- */

struct completion {
    json_t *values;
    size_t total;
};

static void offer(struct completion *completion, const char *prefix, const char *value)
{
    if (strncasecmp(prefix, value, strlen(prefix)) != 0)
        return;
    if (completion->total++ < MAX_COMPLETION)
        json_array_append_new(completion->values, json_string(value));
}

static int complete_prompt(struct method_call *call, const char *prompt_name, const char *argument,
                           const char *prefix, struct completion *completion)
{
    const struct prompt *prompt = find_prompt(prompt_name);
    if (!prompt)
        return method_fail(call, RPC_INVALID_PARAMS, "ref names no prompt of prompts/list");
    if (strcmp(argument, "tool") == 0)
        for (size_t i = 0; i < call->service->count; i++)
            offer(completion, prefix, call->service->tools[i].tool->name);
    if (strcmp(argument, "detail") == 0) {
        offer(completion, prefix, "brief");
        offer(completion, prefix, "full");
    }
    return 0;
}

/* Ids that begin with what was typed, newest first: the one meant is likely recent. */
static int complete_id(struct method_call *call, size_t kind, const char *prefix,
                       struct completion *completion)
{
    static const char *const newest[RESOURCE_KINDS] = {
        "SELECT CAST(id AS TEXT) FROM (SELECT id FROM memories ORDER BY id DESC LIMIT 1000)",
        "SELECT CAST(id AS TEXT) FROM (SELECT id FROM diagrams ORDER BY id DESC LIMIT 1000)"};
    struct error error = {0};
    struct store *store = call->service->store;
    for (const char *digit = prefix; *digit; digit++)
        if (!isdigit((unsigned char)*digit))
            return 0;
    if (!call->service->has_resources[kind])
        return 0;
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *rows = records_query(store->records, &error, newest[kind], "");
    while (rows && records_next(rows, &error))
        offer(completion, prefix, records_text(rows, 0));
    pthread_mutex_unlock(&store->lock);
    return rows ? 0 : method_fail(call, RPC_INTERNAL_ERROR, "%.400s", error.text);
}

/* The kind of a template of resources/templates/list; RESOURCE_KINDS: none. */
static size_t kind_of_template(const char *uri)
{
    static const char *const templates[][2] = {{"memory", "memory://{id}"},
                                               {"diagram", "diagram://{id}"},
                                               {"diagram", "diagram://{id}/svg"}};
    for (size_t i = 0; uri && i < sizeof templates / sizeof *templates; i++)
        for (size_t kind = 0; kind < RESOURCE_KINDS; kind++)
            if (strcmp(uri, templates[i][1]) == 0 &&
                strcmp(resource_kinds[kind].scheme, templates[i][0]) == 0)
                return kind;
    return RESOURCE_KINDS;
}

int method_complete(struct method_call *call)
{
    const json_t *ref = json_object_get(call->params, "ref");
    const json_t *argument = json_object_get(call->params, "argument");
    const char *type = json_string_value(json_object_get(ref, "type"));
    const char *name = json_string_value(json_object_get(argument, "name"));
    const char *value = json_string_value(json_object_get(argument, "value"));
    const char *uri = json_string_value(json_object_get(ref, "uri"));
    if (!type || !name || !value)
        return method_fail(call, RPC_INVALID_PARAMS,
                           "completion/complete needs ref.type, argument.name and argument.value");
    struct completion completion = {.values = json_array()};
    int result;
    if (strcmp(type, "ref/prompt") == 0)
        result = complete_prompt(call, json_string_value(json_object_get(ref, "name")), name, value,
                                 &completion);
    else if (strcmp(type, "ref/resource") == 0 && kind_of_template(uri) < RESOURCE_KINDS)
        result = complete_id(call, kind_of_template(uri), value, &completion);
    else
        result = method_fail(call, RPC_INVALID_PARAMS,
                             "ref must be a prompt of prompts/list or a template of "
                             "resources/templates/list");
    if (result < 0) {
        json_decref(completion.values);
        return -1;
    }
    return method_give(call, json_pack("{s:{s:o, s:I, s:b}}", "completion", "values",
                                       completion.values, "total", (json_int_t)completion.total,
                                       "hasMore", completion.total > MAX_COMPLETION));
}
