/* See mcp_arguments.h. */
#include "drivers/mcp_arguments.h"
#include "drivers/mcp_offers.h"
#include "drivers/mcp_suggest.h"
#include "mcp/uri_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8 };

/* FNV-1a: the stream of an offer's arguments depends on its name only, not on what else is listed.
 */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static bool is_kind(const struct offer *offer, const char *kind)
{
    return strcmp(offer->kind, kind) == 0;
}

const char *mcp_arguments_method(const struct mcp_target *mcp, const struct offer *offer)
{
    bool modern = mcp->revision->era == MCP_ERA_MODERN;
    if (is_kind(offer, OFFER_TOOL))
        return "tools/call";
    if (is_kind(offer, OFFER_RESOURCE) || is_kind(offer, OFFER_RESOURCE_TEMPLATE))
        return "resources/read";
    if (is_kind(offer, OFFER_PROMPT))
        return "prompts/get";
    if (is_kind(offer, OFFER_COMPLETE))
        return "completion/complete";
    if (is_kind(offer, OFFER_DISCOVER))
        return "server/discover";
    if (is_kind(offer, OFFER_CONNECTION_CHURN))
        return modern ? "server/discover" : "ping";
    if (is_kind(offer, OFFER_SESSION_CHURN))
        return NULL;
    return offer->kind; /* ping and the lists are named after their method */
}

/* ---- generating --------------------------------------------------------------------------------
 */

/* Integers outside the safe range must not be mirrored into a header, nor may the header be left
 * out while the value is there: such an argument set is of no use. */
static bool fits_headers(const struct mcp_tool *tool, const json_t *arguments)
{
    for (size_t i = 0; tool && i < tool->param_header_count; i++) {
        const json_t *value = arguments;
        for (char **name = tool->param_headers[i].path; *name; name++)
            value = json_object_get(value, *name);
        char *text = value ? mcp_param_header_value(&tool->param_headers[i], arguments) : NULL;
        bool fits = !json_is_number(value) || text;
        free(text);
        if (!fits)
            return false;
    }
    return true;
}

static json_t *generate_one(const struct schema *schema, const struct mcp_tool *tool,
                            struct random *random, unsigned index, struct error *error)
{
    for (int i = 0; i < TRIES; i++) {
        json_t *value = schema_generate(
            schema, random, index == 0 && i == 0 ? SCHEMA_GENERATE_SIMPLE : SCHEMA_GENERATE_VARIED,
            error);
        if (!value)
            return NULL;
        if (fits_headers(tool, value))
            return value;
        json_decref(value);
    }
    error_set(error, ERROR_TARGET,
              "the values generated for parameters mirrored into headers are beyond +-(2^53 - 1)");
    return NULL;
}

/* Up to `count` values; the later ones may fail, the first may not. */
static json_t *generate(const struct schema *schema, const struct mcp_tool *tool, const char *name,
                        unsigned count, uint64_t seed, struct error *error)
{
    struct random random;
    json_t *values = json_array();
    random_seed(&random, seed, hash_of(name));
    for (unsigned i = 0; i < count; i++) {
        struct error ignored;
        json_t *value = generate_one(schema, tool, &random, i, i ? &ignored : error);
        if (value)
            json_array_append_new(values, value);
        else if (i == 0)
            break;
    }
    if (json_array_size(values))
        return values;
    json_decref(values);
    return NULL;
}

/* A schema for parameters of which only names are known: an object of short strings. `required` is
 * an array of names, `optional` may be NULL. */
static json_t *generate_strings(const json_t *required, const json_t *optional, const char *name,
                                unsigned count, uint64_t seed, struct error *error)
{
    json_t *properties = json_object(), *entry;
    size_t index;
    json_array_foreach((json_t *)required, index, entry) json_object_set_new(
        properties, json_string_value(entry),
        json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength", 24));
    json_array_foreach((json_t *)optional, index, entry) json_object_set_new(
        properties, json_string_value(entry),
        json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1, "maxLength", 24));
    json_t *document = json_pack("{s:s, s:o, s:O, s:b}", "type", "object", "properties", properties,
                                 "required", required, "additionalProperties", 0);
    struct schema *schema = schema_compile(document, error);
    json_t *values = schema ? generate(schema, NULL, name, count, seed, error) : NULL;
    schema_free(schema);
    json_decref(document);
    return values;
}

/* ---- by kind -----------------------------------------------------------------------------------
 */

/* {"name": name, "arguments": each of values}; steals `values`. */
static json_t *with_name(const char *name, json_t *values)
{
    json_t *all = json_array(), *arguments;
    size_t index;
    json_array_foreach(values, index, arguments)
        json_array_append_new(all, json_pack("{s:s, s:O}", "name", name, "arguments", arguments));
    json_decref(values);
    return all;
}

static json_t *given(const json_t *arguments)
{
    return json_pack("[O]", arguments);
}

static json_t *tool_params(const struct operation_spec *spec, uint64_t seed, struct error *error)
{
    const struct mcp_tool *tool = spec->offer->driver_data;
    json_t *values = spec->arguments
                         ? given(spec->arguments)
                         : generate(tool->input, tool, tool->name, spec->variants, seed, error);
    if (!values)
        error_wrap(error, "no arguments can be generated for tool %s; write some in the plan",
                   tool->name);
    return values ? with_name(tool->name, values) : NULL;
}

static json_t *prompt_params(const struct mcp_target *mcp, const struct operation_spec *spec,
                             uint64_t seed, struct error *error)
{
    const struct mcp_prompt *prompt = spec->offer->driver_data;
    if (spec->arguments)
        return with_name(prompt->name, given(spec->arguments));
    if (!json_array_size(prompt->arguments))
        return json_pack("[{s:s}]", "name", prompt->name);
    json_t *required = json_array(), *optional = json_array(), *argument;
    size_t index;
    json_array_foreach(prompt->arguments, index, argument)
    {
        json_t *name = json_object_get(argument, "name");
        bool needed = json_is_true(json_object_get(argument, "required"));
        if (json_is_string(name))
            json_array_append(needed ? required : optional, name);
    }
    json_t *values =
        generate_strings(required, optional, prompt->name, spec->variants, seed, error);
    json_decref(required);
    json_decref(optional);
    json_array_foreach(values, index, argument)
        mcp_suggest_apply(mcp, MCP_SUGGEST_PROMPT, prompt->name, (unsigned)index, argument);
    return values ? with_name(prompt->name, values) : NULL;
}

/* Nothing says what the variables of a template stand for. Small numbers are what most servers
 * number their things with. */
static json_t *template_values(const json_t *names, unsigned count)
{
    json_t *values = json_array(), *name;
    size_t index;
    for (unsigned i = 1; i <= count; i++) {
        char number[16];
        json_t *value = json_object();
        snprintf(number, sizeof number, "%u", i);
        json_array_foreach((json_t *)names, index, name)
            json_object_set_new(value, json_string_value(name), json_string(number));
        json_array_append_new(values, value);
    }
    return values;
}

static json_t *template_params(const struct mcp_target *mcp, const struct operation_spec *spec,
                               struct error *error)
{
    const char *uri_template = spec->offer->name;
    json_t *names = uri_template_variables(uri_template), *all = json_array(), *value;
    json_t *values =
        spec->arguments ? given(spec->arguments) : template_values(names, spec->variants);
    size_t index;
    json_array_foreach(values, index, value)
    {
        if (!spec->arguments)
            mcp_suggest_apply(mcp, MCP_SUGGEST_TEMPLATE, uri_template, (unsigned)index, value);
        char *uri = uri_template_expand(uri_template, value);
        json_t *params = uri ? json_pack("{s:s}", "uri", uri) : NULL;
        free(uri);
        if (params && json_array_append_new(all, params) == 0)
            continue;
        error_set(error, ERROR_USAGE, "resource_template %s: the arguments are no text",
                  uri_template);
        json_decref(all);
        all = NULL;
        break;
    }
    json_decref(values);
    json_decref(names);
    return all;
}

/* What a person has typed so far: nothing, then one letter. A plan gives "value", and what is known
 * of the other arguments in "context". */
static json_t *complete_params(const struct operation_spec *spec)
{
    json_t *entry = spec->offer->driver_data, *all = json_array();
    json_t *context = json_object_get(spec->arguments, "context");
    const char *value = json_string_value(json_object_get(spec->arguments, "value"));
    unsigned count = spec->arguments ? 1 : spec->variants < 27 ? spec->variants : 27;
    for (unsigned i = 0; i < count; i++) {
        char letter[2] = {i ? (char)('a' + i - 1) : '\0', '\0'};
        json_t *params =
            json_pack("{s:O, s:{s:O, s:s}}", "ref", json_object_get(entry, "ref"), "argument",
                      "name", json_object_get(entry, "argument"), "value", value ? value : letter);
        if (params && context)
            json_object_set(params, "context", context);
        json_array_append_new(all, params);
    }
    return all;
}

json_t *mcp_arguments_make(const struct mcp_target *mcp, const struct operation_spec *spec,
                           uint64_t seed, struct error *error)
{
    const struct offer *offer = spec->offer;
    if (is_kind(offer, OFFER_TOOL))
        return tool_params(spec, seed, error);
    if (is_kind(offer, OFFER_PROMPT))
        return prompt_params(mcp, spec, seed, error);
    if (is_kind(offer, OFFER_RESOURCE_TEMPLATE))
        return template_params(mcp, spec, error);
    if (is_kind(offer, OFFER_COMPLETE))
        return complete_params(spec);
    if (is_kind(offer, OFFER_RESOURCE))
        return json_pack("[{s:s}]", "uri", offer->name);
    return json_pack("[{}]");
}
