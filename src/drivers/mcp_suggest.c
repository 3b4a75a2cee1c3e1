/* See mcp_suggest.h. mcp->suggestions maps an owner's key to an array of {"name", "values"}, in the
 * order of its arguments. */
#include "drivers/mcp_suggest.h"
#include "mcp/uri_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REQUESTS = 200, METHOD_NOT_FOUND = -32601 };

struct inquiry {
    struct mcp_target *mcp;
    const struct mcp_control *control;
    json_t *reference;
    json_t *chosen; /* the arguments before, for the context */
    unsigned requests;
    bool given_up;
};

/* "p:" and "r:" keep a prompt and a template of the same name apart. */
static char *key_of(enum mcp_suggest_owner kind, const char *owner)
{
    char *key = NULL;
    return asprintf(&key, "%c:%s", kind == MCP_SUGGEST_PROMPT ? 'p' : 'r', owner) < 0 ? NULL : key;
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static json_t *params_of(const struct inquiry *inquiry, const char *argument, const char *typed)
{
    json_t *params = json_pack("{s:O, s:{s:s, s:s}}", "ref", inquiry->reference, "argument", "name",
                               argument, "value", typed);
    /* The context came with 2025-06-18; dates compare as text. */
    if (params && json_object_size(inquiry->chosen) &&
        strcmp(inquiry->mcp->revision->name, "2025-06-18") >= 0)
        json_object_set_new(params, "context", json_pack("{s:O}", "arguments", inquiry->chosen));
    return params;
}

static json_t *only_strings(const json_t *values)
{
    json_t *strings = json_array(), *value;
    size_t index;
    json_array_foreach((json_t *)values, index, value)
    {
        if (json_is_string(value) && json_string_length(value))
            json_array_append(strings, value);
    }
    return strings;
}

/* What the server completes `typed` to; an empty array when nothing. */
static json_t *complete(struct inquiry *inquiry, const char *argument, const char *typed)
{
    const struct mcp_control *control = inquiry->control;
    json_t *params = params_of(inquiry, argument, typed), *result = NULL;
    int64_t code = 0;
    struct error error;
    int failed =
        control->request(control->context, "completion/complete", params, &result, &code, &error);
    json_decref(params);
    if (failed && (code == 0 || code == METHOD_NOT_FOUND))
        inquiry->given_up = true;
    if (++inquiry->requests == MOST_REQUESTS)
        inquiry->given_up = true;
    json_t *values = only_strings(json_object_get(json_object_get(result, "completion"), "values"));
    json_decref(result);
    return values;
}

/* Some servers suggest nothing before something is typed: then a 1 is, as many number their things.
 */
static void ask_about(struct inquiry *inquiry, json_t *suggested, const char *argument)
{
    static const char *const typed[] = {"", "1"};
    for (size_t i = 0; i < sizeof typed / sizeof *typed && !inquiry->given_up; i++) {
        json_t *values = complete(inquiry, argument, typed[i]);
        bool found = json_array_size(values);
        if (found) {
            json_object_set(inquiry->chosen, argument, json_array_get(values, 0));
            json_array_append_new(suggested,
                                  json_pack("{s:s, s:O}", "name", argument, "values", values));
        }
        json_decref(values);
        if (found)
            return;
    }
}

static void ask_owner(struct inquiry *inquiry, enum mcp_suggest_owner kind, const char *owner,
                      const json_t *names)
{
    bool prompt = kind == MCP_SUGGEST_PROMPT;
    char *key = key_of(kind, owner);
    json_t *suggested = json_array(), *name;
    size_t index;
    inquiry->reference = json_pack("{s:s, s:s}", "type", prompt ? "ref/prompt" : "ref/resource",
                                   prompt ? "name" : "uri", owner);
    inquiry->chosen = json_object();
    json_array_foreach((json_t *)names, index, name)
    {
        if (!inquiry->given_up && key && inquiry->reference)
            ask_about(inquiry, suggested, json_string_value(name));
    }
    if (key && json_array_size(suggested))
        json_object_set(inquiry->mcp->suggestions, key, suggested);
    json_decref(suggested);
    json_decref(inquiry->chosen);
    json_decref(inquiry->reference);
    free(key);
}

static json_t *argument_names(const struct mcp_prompt *prompt)
{
    json_t *names = json_array(), *argument;
    size_t index;
    json_array_foreach(prompt->arguments, index, argument)
    {
        json_t *name = json_object_get(argument, "name");
        if (json_is_string(name))
            json_array_append(names, name);
    }
    return names;
}

void mcp_suggest_ask(struct mcp_target *mcp, const struct mcp_control *control)
{
    struct inquiry inquiry = {.mcp = mcp, .control = control};
    size_t index;
    json_t *entry;
    if (!json_object_get(mcp->capabilities, "completions"))
        return;
    mcp->suggestions = json_object();
    for (size_t i = 0; i < mcp->catalog.prompt_count && !inquiry.given_up; i++) {
        json_t *names = argument_names(&mcp->catalog.prompts[i]);
        ask_owner(&inquiry, MCP_SUGGEST_PROMPT, mcp->catalog.prompts[i].name, names);
        json_decref(names);
    }
    json_array_foreach(mcp->catalog.resource_templates, index, entry)
    {
        const char *uri = json_string_value(json_object_get(entry, "uriTemplate"));
        json_t *names = inquiry.given_up ? NULL : uri_template_variables(uri);
        if (names)
            ask_owner(&inquiry, MCP_SUGGEST_TEMPLATE, uri, names);
        json_decref(names);
    }
}

/* ---- applying ----------------------------------------------------------------------------------
 */

void mcp_suggest_apply(const struct mcp_target *mcp, enum mcp_suggest_owner kind, const char *owner,
                       unsigned variant, json_t *values)
{
    char *key = key_of(kind, owner);
    json_t *suggested = key ? json_object_get(mcp->suggestions, key) : NULL, *entry;
    size_t index;
    json_array_foreach(suggested, index, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        json_t *choices = json_object_get(entry, "values");
        bool last = index + 1 == json_array_size(suggested);
        if (json_object_get(values, name))
            json_object_set(values, name,
                            json_array_get(choices, last ? variant % json_array_size(choices) : 0));
    }
    free(key);
}
