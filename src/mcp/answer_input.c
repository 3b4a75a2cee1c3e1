/* Answering what a server asks of its client: roots, sampling, elicitation, ping. In the legacy era
 * these are requests of its own, in the modern one the inputRequests of an InputRequiredResult. */
#include "base/buffer.h"
#include "mcp/answer.h"

#include <stdlib.h>
#include <string.h>

enum { METHOD_NOT_FOUND = -32601, INVALID_PARAMS = -32602 };

/* ---- elicitation -------------------------------------------------------------------------------
 */

/* What a person who changes nothing in the form would send: the defaults over generated values. */
static void apply_defaults(json_t *content, const json_t *requested)
{
    const char *name;
    json_t *property;
    json_object_foreach(json_object_get(requested, "properties"), name, property)
    {
        json_t *value = json_object_get(property, "default");
        if (value)
            json_object_set(content, name, value);
    }
}

/* New reference; NULL when no content satisfies the schema. */
static json_t *fill_form(const json_t *requested)
{
    struct error error;
    struct random random;
    char problem[128];
    struct schema *schema = json_is_object(requested) ? schema_compile(requested, &error) : NULL;
    if (!schema)
        return NULL;
    random_seed(&random, 0, 0); /* the same question gets the same answer */
    json_t *generated = schema_generate(schema, &random, SCHEMA_GENERATE_SIMPLE, &error);
    json_t *content = json_copy(generated);
    apply_defaults(content, requested);
    if (content && !schema_validate(schema, content, problem, sizeof problem)) {
        json_decref(content); /* a default that breaks its own schema */
        content = json_incref(generated);
    }
    json_decref(generated);
    schema_free(schema);
    if (json_is_object(content))
        return content;
    json_decref(content);
    return NULL;
}

/* Only forms are declared; whoever sends another mode, or a form nobody can fill, is declined. */
static json_t *answer_elicitation(const json_t *params)
{
    const char *mode = json_string_value(json_object_get(params, "mode"));
    json_t *content = NULL;
    if (!mode || strcmp(mode, "form") == 0)
        content = fill_form(json_object_get(params, "requestedSchema"));
    return content ? json_pack("{s:s, s:o}", "action", "accept", "content", content)
                   : json_pack("{s:s}", "action", "decline");
}

/* ---- sampling, roots ---------------------------------------------------------------------------
 */

static json_t *answer_sampling(const json_t *params)
{
    (void)params;
    return json_pack("{s:s, s:{s:s, s:s}, s:s, s:s}", "role", "assistant", "content", "type",
                     "text", "text", "A fixed answer.", "model", "cicada-fixed", "stopReason",
                     "endTurn");
}

/* None: a file server takes the roots for what it may read and write, in place of the folders it
 * was started with (the official one does); a load test must not point it at the user's own. */
static json_t *answer_roots(const json_t *params)
{
    (void)params;
    return json_pack("{s:[]}", "roots");
}

static json_t *answer_ping(const json_t *params)
{
    (void)params;
    return json_object();
}

json_t *mcp_answer_server_request(const char *method, const json_t *params)
{
    static const struct {
        const char *method;
        json_t *(*answer)(const json_t *params);
    } known[] = {
        {"ping", answer_ping},
        {"roots/list", answer_roots},
        {"sampling/createMessage", answer_sampling},
        {"elicitation/create", answer_elicitation},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].method, method) == 0)
            return known[i].answer(params);
    return NULL;
}

/* ---- multi round-trip requests -----------------------------------------------------------------
 */

static json_t *answer_input(const char *key, const json_t *request, struct error *error)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *answer = NULL;
    if (method && strcmp(method, "ping") != 0)
        answer = mcp_answer_server_request(method, json_object_get(request, "params"));
    if (!answer)
        error_set(error, ERROR_TARGET,
                  "inputRequests/%.80s asks for %.80s, which is neither elicitation/create, "
                  "sampling/createMessage nor roots/list",
                  key, method ? method : "nothing");
    return answer;
}

static json_t *answer_all(const json_t *requests, struct error *error)
{
    json_t *answers = json_object(), *request;
    const char *key;
    json_object_foreach((json_t *)requests, key, request)
    {
        json_t *answer = answer_input(key, request, error);
        if (!answer || json_object_set_new(answers, key, answer) < 0) {
            json_decref(answers);
            return NULL;
        }
    }
    return answers;
}

json_t *mcp_answer_inputs(const json_t *params, const json_t *input_required_result,
                          struct error *error)
{
    json_t *requests = json_object_get(input_required_result, "inputRequests");
    json_t *state = json_object_get(input_required_result, "requestState");
    json_t *answers = requests ? answer_all(requests, error) : NULL;
    if (requests && !answers)
        return NULL;
    json_t *retry = params ? json_copy((json_t *)params) : json_object();
    /* Of a round before this one: they belong to that round's answer only. */
    json_object_del(retry, "inputResponses");
    json_object_del(retry, "requestState");
    int failed = !retry;
    if (answers)
        failed |= json_object_set_new(retry, "inputResponses", answers) < 0;
    if (state)
        failed |= json_object_set(retry, "requestState", state) < 0;
    if (!failed)
        return retry;
    json_decref(retry);
    error_set(error, ERROR_INTERNAL, "out of memory while answering the server's questions");
    return NULL;
}

/* ---- legacy requests ---------------------------------------------------------------------------
 */

static json_t *refusal(int code, const char *text)
{
    return json_pack("{s:i, s:s}", "code", code, "message", text);
}

/* Servers must not use a mode that was not declared; the specification asks for -32602 then. */
static bool is_undeclared_mode(const char *method, const json_t *params)
{
    const char *mode = json_string_value(json_object_get(params, "mode"));
    return strcmp(method, "elicitation/create") == 0 && mode && strcmp(mode, "form") != 0;
}

char *mcp_answer_server_request_text(const struct jsonrpc_message *request)
{
    char method[128];
    struct buffer text;
    span_unescape(request->method, method, sizeof method);
    json_t *params = request->params.start
                         ? json_loadb(request->params.start, request->params.length, 0, NULL)
                         : NULL;
    json_t *error = NULL, *result = NULL;
    if (is_undeclared_mode(method, params))
        error = refusal(INVALID_PARAMS, "only elicitation in form mode is declared");
    else
        result = mcp_answer_server_request(method, params);
    if (!error && !result)
        error = refusal(METHOD_NOT_FOUND, "method not found");
    char *body = json_dumps(result ? result : error, JSON_COMPACT);
    buffer_init(&text, SIZE_MAX / 2);
    int failed = !body || buffer_append_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":") < 0 ||
                 buffer_append(&text, request->id.start, request->id.length) < 0 ||
                 buffer_append_text(&text, result ? ",\"result\":" : ",\"error\":") < 0 ||
                 buffer_append_text(&text, body) < 0 || buffer_append_char(&text, '}') < 0;
    char *answer = failed ? NULL : buffer_take_string(&text);
    buffer_free(&text);
    free(body);
    json_decref(params);
    json_decref(result);
    json_decref(error);
    return answer;
}
