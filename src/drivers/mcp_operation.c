/* Prepared operations, see mcp_target.h: everything that can be known before a run is rendered
 * before it, so that a call costs three pieces of memory and an id. */
#include "base/template.h"
#include "drivers/mcp_arguments.h"
#include "drivers/mcp_offers.h"
#include "drivers/mcp_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mcp_variant *variant_of(const struct mcp_operation *operation, uint32_t variant)
{
    return &operation->variants[variant % operation->variant_count];
}

static const struct mcp_operation *part_of(const struct operation *operation)
{
    return operation->driver_data;
}

/* ---- templates ---------------------------------------------------------------------------------
 */

static bool has_placeholder(const json_t *value)
{
    const char *key;
    json_t *inner;
    size_t index;
    if (json_is_string(value))
        return strstr(json_string_value(value), "${");
    json_object_foreach((json_t *)value, key, inner)
    {
        if (strstr(key, "${") || has_placeholder(inner))
            return true;
    }
    json_array_foreach((json_t *)value, index, inner)
    {
        if (has_placeholder(inner))
            return true;
    }
    return false;
}

/* A tool may be called "a${b"; in a template that has to be written $${. */
static json_t *escape_placeholders(const char *text)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 2);
    for (; *text; text++) {
        if (text[0] == '$' && text[1] == '{')
            buffer_append_char(&buffer, '$');
        buffer_append_char(&buffer, *text);
    }
    char *escaped = buffer_take_string(&buffer);
    json_t *value = escaped ? json_string(escaped) : NULL;
    free(escaped);
    return value;
}

/* The params as a template: what the plan wrote keeps its placeholders, what comes from the server
 * has none. */
static struct text_template *compile_params(const struct mcp_target *mcp, const json_t *params,
                                            struct error *error)
{
    json_t *complete = mcp_request_params(mcp->revision, params);
    const char *name = json_string_value(json_object_get(complete, "name"));
    if (name)
        json_object_set_new(complete, "name", escape_placeholders(name));
    char *text = json_dumps(complete, JSON_COMPACT);
    struct text_template *compiled = text ? template_compile(text, true, NULL, NULL, error) : NULL;
    if (!text)
        error_set(error, ERROR_INTERNAL, "out of memory while preparing an operation");
    free(text);
    json_decref(complete);
    return compiled;
}

/* $${ was all there was: render it once and for all. */
static json_t *render_constant(const struct text_template *compiled)
{
    struct buffer text;
    struct template_context none = {0};
    const char *missing;
    json_t *params = NULL;
    buffer_init(&text, SIZE_MAX / 2);
    if (template_render(compiled, &none, &text, &missing) == 0)
        params = json_loadb(buffer_bytes(&text), buffer_length(&text), JSON_ALLOW_NUL, NULL);
    buffer_free(&text);
    return params;
}

/* ---- variants ----------------------------------------------------------------------------------
 */

static void free_variant(struct mcp_variant *variant, size_t header_count)
{
    mcp_request_text_free(&variant->text);
    template_free(variant->body);
    json_decref(variant->params);
    free(variant->name_value);
    for (size_t i = 0; variant->param_header_values && i < header_count; i++)
        free(variant->param_header_values[i]);
    free(variant->param_header_values);
}

static char *encode_header(const char *value, size_t length)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 2);
    char *text =
        mcp_header_value_append(&buffer, value, length) == 0 ? buffer_take_string(&buffer) : NULL;
    buffer_free(&buffer);
    return text;
}

/* The member that Mcp-Name mirrors; NULL when the method has none. */
static const char *name_member(const char *method)
{
    if (strcmp(method, "tools/call") == 0 || strcmp(method, "prompts/get") == 0)
        return "name";
    return strcmp(method, "resources/read") == 0 ? "uri" : NULL;
}

static int build_headers(const struct mcp_operation *operation, struct mcp_variant *variant)
{
    const struct mcp_tool *tool = operation->tool;
    const char *member = name_member(operation->method);
    const json_t *name = member ? json_object_get(variant->params, member) : NULL;
    const json_t *arguments = json_object_get(variant->params, "arguments");
    if (name) {
        variant->name_value = encode_header(json_string_value(name), json_string_length(name));
        if (!variant->name_value)
            return -1;
    }
    if (!tool || !tool->param_header_count)
        return 0;
    variant->param_header_values =
        calloc(tool->param_header_count, sizeof *variant->param_header_values);
    for (size_t i = 0; variant->param_header_values && i < tool->param_header_count; i++)
        variant->param_header_values[i] =
            mcp_param_header_value(&tool->param_headers[i], arguments);
    return variant->param_header_values ? 0 : -1;
}

static int build_constant(const struct mcp_target *mcp, const struct mcp_operation *operation,
                          struct mcp_variant *variant, const json_t *params, struct error *error)
{
    variant->params = mcp_request_params(mcp->revision, params);
    if (mcp_request_text_build(&variant->text, mcp->revision, operation->method, params, error) < 0)
        return -1;
    return build_headers(operation, variant) == 0
               ? 0
               : error_set(error, ERROR_INTERNAL, "out of memory while preparing an operation");
}

/* As a constant one, but the suffix ends before the params, which come from the template. */
static int build_templated(const struct mcp_target *mcp, const struct mcp_operation *operation,
                           struct mcp_variant *variant, const json_t *params, struct error *error)
{
    variant->body = compile_params(mcp, params, error);
    if (!variant->body)
        return -1;
    if (template_is_constant(variant->body)) {
        json_t *rendered = render_constant(variant->body);
        template_free(variant->body);
        variant->body = NULL;
        int failed = rendered
                         ? build_constant(mcp, operation, variant, rendered, error)
                         : error_set(error, ERROR_INTERNAL, "a constant template did not render");
        json_decref(rendered);
        return failed;
    }
    static const char params_start[] = ",\"params\":";
    if (mcp_request_text_build(&variant->text, mcp->revision, operation->method, params, error) < 0)
        return -1;
    char *start = strstr(variant->text.suffix, params_start);
    start[strlen(params_start)] = '\0';
    variant->text.suffix_length = strlen(variant->text.suffix);
    variant->params = mcp_request_params(mcp->revision, params);
    return 0;
}

static int build_variant(const struct mcp_target *mcp, const struct mcp_operation *operation,
                         struct mcp_variant *variant, const json_t *params, bool may_hold_template,
                         struct error *error)
{
    bool empty = json_object_size(params) == 0;
    if (may_hold_template && has_placeholder(params))
        return build_templated(mcp, operation, variant, params, error);
    /* Without arguments a legacy request has no params at all. */
    return build_constant(mcp, operation, variant, empty ? NULL : params, error);
}

static int build_variants(const struct mcp_target *mcp, struct mcp_operation *operation,
                          const json_t *all, bool may_hold_template, struct error *error)
{
    size_t index;
    json_t *params;
    operation->variants = calloc(json_array_size(all), sizeof *operation->variants);
    if (!operation->variants)
        return error_set(error, ERROR_INTERNAL, "out of memory while preparing an operation");
    json_array_foreach((json_t *)all, index, params)
    {
        struct mcp_variant *variant = &operation->variants[operation->variant_count++];
        if (build_variant(mcp, operation, variant, params, may_hold_template, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- prepare, release --------------------------------------------------------------------------
 */

static char *reported_name(const struct offer *offer, const char *method)
{
    char *name = NULL;
    if (strcmp(offer->kind, OFFER_TOOL) == 0 || strcmp(offer->kind, offer->name) == 0)
        return strdup(offer->name);
    return asprintf(&name, "%s %s", method, offer->name) < 0 ? NULL : name;
}

static int check_arguments(const struct operation_spec *spec, struct error *error)
{
    static const char *const kinds[] = {OFFER_TOOL, OFFER_PROMPT, OFFER_RESOURCE_TEMPLATE,
                                        OFFER_COMPLETE};
    if (!spec->arguments)
        return 0;
    if (!json_is_object(spec->arguments))
        return error_set(error, ERROR_USAGE, "%s: arguments of %s must be an object",
                         spec->where ? spec->where : "plan", spec->offer->name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], spec->offer->kind) == 0)
            return 0;
    if (json_object_size(spec->arguments) == 0)
        return 0;
    return error_set(error, ERROR_USAGE, "%s: %s takes no arguments",
                     spec->where ? spec->where : "plan", spec->offer->name);
}

static int fill_operation(struct target *target, const struct operation_spec *spec,
                          struct mcp_operation *part, struct error *error)
{
    const struct mcp_target *mcp = target->driver_data;
    const char *method = mcp_arguments_method(mcp, spec->offer);
    if (!method)
        return 0;
    part->method = strdup(method);
    part->tool = strcmp(method, "tools/call") == 0 ? spec->offer->driver_data : NULL;
    json_t *all = part->method ? mcp_arguments_make(mcp, spec, target->options->seed, error) : NULL;
    int failed = all ? build_variants(mcp, part, all, spec->arguments, error) : -1;
    json_decref(all);
    if (failed == 0 && name_member(method) && !part->variants[0].body) {
        part->name_value = strdup(part->variants[0].name_value);
        failed = part->name_value ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    }
    return failed;
}

int mcp_operation_prepare(struct target *target, const struct operation_spec *spec,
                          struct operation *operation, struct error *error)
{
    struct mcp_operation *part = calloc(1, sizeof *part);
    const struct mcp_target *mcp = target->driver_data;
    if (!part)
        return error_set(error, ERROR_INTERNAL, "out of memory while preparing an operation");
    *operation = (struct operation){.offer = spec->offer, .driver_data = part};
    if (strcmp(spec->offer->kind, OFFER_CONNECTION_CHURN) == 0)
        operation->flags |= OPERATION_NEW_CONNECTION;
    const char *method = mcp_arguments_method(mcp, spec->offer);
    operation->name = reported_name(spec->offer, method ? method : spec->offer->kind);
    if (check_arguments(spec, error) == 0 && operation->name &&
        fill_operation(target, spec, part, error) == 0)
        return 0;
    mcp_operation_release(target, operation);
    return -1;
}

void mcp_operation_release(struct target *target, struct operation *operation)
{
    struct mcp_operation *part = operation->driver_data;
    (void)target;
    if (part) {
        for (unsigned i = 0; i < part->variant_count; i++)
            free_variant(&part->variants[i], part->tool ? part->tool->param_header_count : 0);
        free(part->variants);
        free(part->method);
        free(part->name_value);
        free(part);
    }
    free(operation->name);
    *operation = (struct operation){0};
}

char *mcp_operation_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct mcp_operation *part = part_of(operation);
    if (!part->variant_count)
        return NULL;
    const json_t *params = variant_of(part, variant)->params;
    json_t *arguments = json_object_get(params, "arguments");
    if (arguments)
        return json_dumps(arguments, JSON_COMPACT);
    if (strcmp(operation->offer->kind, OFFER_RESOURCE_TEMPLATE) != 0 &&
        strcmp(operation->offer->kind, OFFER_COMPLETE) != 0)
        return NULL;
    json_t *plain = json_copy((json_t *)params);
    json_object_del(plain, "_meta");
    json_object_del(plain, "ref");
    char *text = json_dumps(plain, JSON_COMPACT);
    json_decref(plain);
    return text;
}

/* ---- while the run is on -----------------------------------------------------------------------
 */

static size_t write_id(char *digits, int64_t id)
{
    char reversed[24];
    size_t count = 0, length = 0;
    uint64_t rest = id < 0 ? 0 - (uint64_t)id : (uint64_t)id;
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (id < 0)
        reversed[count++] = '-';
    while (count)
        digits[length++] = reversed[--count];
    return length;
}

static int render_body(const struct mcp_variant *variant, const char *digits, size_t digit_count,
                       const struct template_context *context, struct buffer *rendered,
                       const char **missing)
{
    *missing = NULL;
    buffer_clear(rendered);
    if (!context) {
        *missing = "a context";
        return -1;
    }
    if (buffer_append(rendered, variant->text.prefix, variant->text.prefix_length) < 0 ||
        buffer_append(rendered, digits, digit_count) < 0 ||
        buffer_append(rendered, variant->text.suffix, variant->text.suffix_length) < 0 ||
        template_render(variant->body, context, rendered, missing) < 0)
        return -1;
    return buffer_append_char(rendered, '}');
}

int mcp_operation_body(const struct mcp_operation *operation, uint32_t variant, int64_t id,
                       const struct template_context *context, char *id_digits,
                       struct buffer *rendered, struct iovec pieces[3], int *count,
                       const char **missing)
{
    const struct mcp_variant *chosen = variant_of(operation, variant);
    size_t digit_count = write_id(id_digits, id);
    if (chosen->body) {
        if (render_body(chosen, id_digits, digit_count, context, rendered, missing) < 0)
            return -1;
        pieces[0] = (struct iovec){buffer_bytes(rendered), buffer_length(rendered)};
        *count = 1;
        return 0;
    }
    pieces[0] = (struct iovec){chosen->text.prefix, chosen->text.prefix_length};
    pieces[1] = (struct iovec){id_digits, digit_count};
    pieces[2] = (struct iovec){chosen->text.suffix, chosen->text.suffix_length};
    *count = 3;
    return 0;
}

const char *mcp_operation_name_value(const struct mcp_operation *operation, uint32_t variant)
{
    const char *own = variant_of(operation, variant)->name_value;
    return own ? own : operation->name_value;
}

json_t *mcp_operation_sent_params(struct span body)
{
    struct span params = span_member(body, "params");
    return params.start ? json_loadb(params.start, params.length, JSON_ALLOW_NUL, NULL) : NULL;
}

json_t *mcp_operation_params(const struct mcp_operation *operation, uint32_t variant,
                             const struct template_context *context)
{
    const struct mcp_variant *chosen = variant_of(operation, variant);
    struct buffer rendered;
    const char *missing;
    char digits[24];
    if (!chosen->body)
        return json_deep_copy(chosen->params);
    buffer_init(&rendered, SIZE_MAX / 2);
    json_t *params = NULL;
    if (render_body(chosen, digits, write_id(digits, 0), context, &rendered, &missing) == 0)
        params = mcp_operation_sent_params(
            (struct span){buffer_bytes(&rendered), buffer_length(&rendered)});
    buffer_free(&rendered);
    return params;
}

/* ---- headers of a rendered body ----------------------------------------------------------------
 */

/* Append a string value of the body as a header; decoding needs memory only if it has escapes. */
static int append_string_header(struct span value, struct buffer *output)
{
    struct span inner = span_unquote(value);
    if (!memchr(inner.start, '\\', inner.length))
        return mcp_header_value_append(output, inner.start, inner.length);
    char *plain = malloc(inner.length + 1);
    if (!plain)
        return -1;
    size_t length = span_unescape(inner, plain, inner.length + 1);
    int failed = mcp_header_value_append(output, plain, length);
    free(plain);
    return failed;
}

int mcp_operation_rendered_name(const struct mcp_operation *operation, struct span body,
                                struct buffer *output)
{
    const char *member = name_member(operation->method);
    if (!member)
        return 1;
    struct span value = span_member(span_member(body, "params"), member);
    return span_is_string(value) ? append_string_header(value, output) : 1;
}

int mcp_operation_rendered_param(const struct mcp_param_header *header, struct span body,
                                 struct buffer *output)
{
    struct span value = span_member(span_member(body, "params"), "arguments");
    for (char **name = header->path; *name; name++)
        value = span_member(value, *name);
    if (!value.start)
        return 1;
    if (span_is_string(value))
        return append_string_header(value, output);
    char *no_path[] = {NULL};
    struct mcp_param_header whole = {.path = no_path};
    json_t *parsed = json_loadb(value.start, value.length, JSON_DECODE_ANY, NULL);
    char *text = parsed ? mcp_param_header_value(&whole, parsed) : NULL;
    json_decref(parsed);
    int result = text ? buffer_append_text(output, text) : 1;
    free(text);
    return result;
}
