/* See jsonrpc.h. The envelope, its result and its error are objects whose known members are noted
 * while the one pass over the text goes through them; everything else is only proved valid. */
#include "mcp/jsonrpc.h"
#include "mcp/json_scan.h"

/* ---- noting members ----------------------------------------------------------------------------
 */

enum envelope_member { VERSION, ID, METHOD, PARAMS, RESULT, ERROR };
enum result_member { IS_ERROR, RESULT_TYPE, STRUCTURED_CONTENT, CONTENT, NEXT_CURSOR };
enum error_member { CODE, MESSAGE, DATA };
enum { MOST_MEMBERS = 6, LONGEST_NAME = 17 };

struct member_name {
    const char *text;
    size_t length;
};
static const struct member_name envelope_names[] = {
    [VERSION] = {"jsonrpc", 7}, [ID] = {"id", 2},         [METHOD] = {"method", 6},
    [PARAMS] = {"params", 6},   [RESULT] = {"result", 6}, [ERROR] = {"error", 5},
};
static const struct member_name result_names[] = {
    [IS_ERROR] = {"isError", 7},
    [RESULT_TYPE] = {"resultType", 10},
    [STRUCTURED_CONTENT] = {"structuredContent", LONGEST_NAME},
    [CONTENT] = {"content", 7},
    [NEXT_CURSOR] = {"nextCursor", 10},
};
static const struct member_name error_names[] = {
    [CODE] = {"code", 4}, [MESSAGE] = {"message", 7}, [DATA] = {"data", 4}};

/* The members of one object. values[i] holds only where bit i of `seen` is set. */
struct member_set {
    const struct member_name *names;
    int count;
    unsigned depth; /* levels the values may still enter */
    unsigned seen;
    bool repeated;
    struct member_set *result, *error; /* of an envelope: noted in turn */
    struct span values[MOST_MEMBERS];
};

static int find_name(const struct member_set *set, const char *key, size_t length)
{
    for (int i = 0; i < set->count; i++)
        if (set->names[i].length == length && memcmp(set->names[i].text, key, length) == 0)
            return i;
    return -1;
}

/* "\u0069d" is "id" to every JSON reader, so it has to be to this one. */
static int find_escaped_name(const struct member_set *set, const char *key, size_t length)
{
    char plain[LONGEST_NAME + 2];
    if (length > (size_t)LONGEST_NAME * 6)
        return -1;
    return find_name(set, plain, span_unescape((struct span){key, length}, plain, sizeof plain));
}

static const char *note_member(struct json_scanner *scanner, void *context, const char *key,
                               const char *key_end, bool key_escaped, const char *value)
{
    struct member_set *set = context;
    size_t length = (size_t)(key_end - key);
    int which = key_escaped ? find_escaped_name(set, key, length) : find_name(set, key, length);
    if (which < 0)
        return json_scan_value(scanner, value, set->depth);
    struct member_set *inner = NULL;
    if (set->result && *value == '{')
        inner = which == RESULT ? set->result : which == ERROR ? set->error : NULL;
    const char *end = inner ? json_scan_members(scanner, value, note_member, inner)
                            : json_scan_value(scanner, value, set->depth);
    if (!end)
        return NULL;
    if (set->seen & 1u << which)
        set->repeated = true;
    set->seen |= 1u << which;
    set->values[which] = (struct span){value, (size_t)(end - value)};
    return end;
}

static struct span value_of(const struct member_set *set, int which)
{
    return set->seen & 1u << which ? set->values[which] : (struct span){NULL, 0};
}

/* ---- judging the envelope ----------------------------------------------------------------------
 */

static enum jsonrpc_kind invalid(struct jsonrpc_message *message, const char *problem)
{
    message->problem = problem;
    return message->kind = JSONRPC_INVALID;
}

static enum jsonrpc_kind malformed(struct jsonrpc_message *message, const char *bytes,
                                   const char *at, const char *problem)
{
    message->problem = problem;
    message->error_offset = (size_t)(at - bytes);
    return message->kind = JSONRPC_MALFORMED;
}

/* false when it is neither a string, a number nor null. */
static bool note_id(struct jsonrpc_message *message, struct span id)
{
    message->id = id;
    message->has_id = true;
    message->id_is_null = *id.start == 'n';
    message->id_is_integer = span_integer(id, &message->id_integer);
    return *id.start != '{' && *id.start != '[' && *id.start != 't' && *id.start != 'f';
}

static void note_result(struct jsonrpc_message *message, const struct member_set *set)
{
    struct span is_error = value_of(set, IS_ERROR), type = value_of(set, RESULT_TYPE);
    struct span cursor = value_of(set, NEXT_CURSOR);
    message->is_error = span_equals(is_error, "true");
    message->is_error_malformed =
        is_error.start && !message->is_error && !span_equals(is_error, "false");
    message->result_type = span_is_string(type) ? span_unquote(type) : type;
    message->structured = value_of(set, STRUCTURED_CONTENT);
    message->content = value_of(set, CONTENT);
    message->content_is_array = message->content.start && *message->content.start == '[';
    if (span_is_string(cursor))
        message->next_cursor = span_unquote(cursor);
}

static enum jsonrpc_kind judge_error(struct jsonrpc_message *message, const struct member_set *set)
{
    if (*message->error.start != '{')
        return invalid(message, "error is no object");
    struct span text = value_of(set, MESSAGE);
    if (!span_integer(value_of(set, CODE), &message->error_code))
        return invalid(message, "error.code is no integer");
    if (!span_is_string(text))
        return invalid(message, "error.message is no string");
    message->error_message = span_unquote(text);
    message->error_data = value_of(set, DATA);
    return message->kind = JSONRPC_ERROR;
}

static enum jsonrpc_kind judge_request(struct jsonrpc_message *message, struct span method)
{
    if (!span_is_string(method))
        return invalid(message, "method is no string");
    message->method = span_unquote(method);
    if (message->params.start && *message->params.start != '{' && *message->params.start != '[')
        return invalid(message, "params is neither an object nor an array");
    if (!message->has_id)
        return message->kind = JSONRPC_NOTIFICATION;
    if (message->id_is_null)
        return invalid(message, "a request whose id is null");
    return message->kind = JSONRPC_REQUEST;
}

static enum jsonrpc_kind judge_envelope(struct jsonrpc_message *message,
                                        const struct member_set *envelope)
{
    if (envelope->repeated || envelope->result->repeated || envelope->error->repeated)
        return invalid(message, "a member comes twice");
    struct span version = value_of(envelope, VERSION), id = value_of(envelope, ID);
    struct span method = value_of(envelope, METHOD);
    message->params = value_of(envelope, PARAMS);
    message->result = value_of(envelope, RESULT);
    message->error = value_of(envelope, ERROR);
    if (id.start && !note_id(message, id))
        return invalid(message, "id is neither a string, a number nor null");
    if (!span_is_string(version) || !span_string_equals(span_unquote(version), "2.0"))
        return invalid(message, "jsonrpc is not \"2.0\"");
    if (method.start && (message->result.start || message->error.start))
        return invalid(message, "both a method and an answer");
    if (message->result.start && message->error.start)
        return invalid(message, "both a result and an error");
    if (method.start)
        return judge_request(message, method);
    if (message->error.start)
        return judge_error(message, envelope->error);
    if (!message->result.start)
        return invalid(message, "neither a method, a result nor an error");
    if (!message->has_id)
        return invalid(message, "a result without an id");
    note_result(message, envelope->result);
    return message->kind = JSONRPC_RESULT;
}

/* ---- the scan ----------------------------------------------------------------------------------
 */

enum jsonrpc_kind jsonrpc_scan(struct jsonrpc_message *message, const char *bytes, size_t length)
{
    struct member_set result = {.names = result_names, .count = 5, .depth = JSONRPC_MAX_DEPTH - 2};
    struct member_set error = {.names = error_names, .count = 3, .depth = JSONRPC_MAX_DEPTH - 2};
    struct member_set envelope = {.names = envelope_names,
                                  .count = 6,
                                  .depth = JSONRPC_MAX_DEPTH - 1,
                                  .result = &result,
                                  .error = &error};
    *message = (struct jsonrpc_message){.kind = JSONRPC_MALFORMED};
    struct json_scanner scanner = {.end = bytes + length};
    const char *at = json_skip_space(bytes, scanner.end);
    if (at == scanner.end)
        return malformed(message, bytes, at, "nothing but space");
    const char *start = at;
    at = *at == '{' ? json_scan_members(&scanner, at, note_member, &envelope)
                    : json_scan_value(&scanner, at, JSONRPC_MAX_DEPTH);
    if (!at)
        return malformed(message, bytes, scanner.problem_at, scanner.problem);
    at = json_skip_space(at, scanner.end);
    if (at != scanner.end)
        return malformed(message, bytes, at, "something after the end of the value");
    if (*start == '{')
        return judge_envelope(message, &envelope);
    if (*start != '[')
        return invalid(message, "neither an object nor an array");
    if (*json_skip_space(start + 1, scanner.end) == ']')
        return invalid(message, "an empty batch");
    return message->kind = JSONRPC_BATCH;
}
