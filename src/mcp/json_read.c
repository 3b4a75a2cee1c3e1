/* See json_read.h. The grammar is json_scan's. What is rare, strings with escapes, reals, large
 * integers, is left to jansson, piece by piece. */
#include "mcp/json_read.h"

#include "mcp/json_scan.h"

#include <stdio.h>
#include <string.h>

#define SMALL_INTEGER  18 /* digits that surely fit in 64 bits */
#define REPEATED_DEPTH 3  /* of members of params in a batch */

struct reading {
    struct json_scanner scanner;    /* first: what is given to a member's function */
    struct json_repeated *repeated; /* NULL: none */
    char rare_problem[JSON_ERROR_TEXT_LENGTH];
    unsigned depth;
};

static const char *read_value(struct reading *reading, const char *at, json_t **value);

static const char *out_of_memory(struct reading *reading, const char *at)
{
    return json_scan_fail(&reading->scanner, at, "out of memory");
}

/* From `at` to `end`, which the scanner has passed. */
static const char *read_rare(struct reading *reading, const char *at, const char *end,
                             json_t **value)
{
    json_error_t problem;
    *value = json_loadb(at, (size_t)(end - at), JSON_DECODE_ANY, &problem);
    if (*value)
        return end;
    memcpy(reading->rare_problem, problem.text, sizeof reading->rare_problem);
    return json_scan_fail(&reading->scanner, at, reading->rare_problem);
}

static const char *read_string(struct reading *reading, const char *at, json_t **value)
{
    bool escaped;
    const char *end = json_scan_string(&reading->scanner, at + 1, &escaped);
    if (!end)
        return NULL;
    if (escaped)
        return read_rare(reading, at, end + 1, value);
    *value = json_stringn_nocheck(at + 1, (size_t)(end - at - 1));
    return *value ? end + 1 : out_of_memory(reading, at);
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static const char *read_number(struct reading *reading, const char *at, json_t **value)
{
    const char *end = json_scan_value(&reading->scanner, at, 0);
    if (!end)
        return NULL;
    json_int_t number = 0;
    const char *digit = at + (*at == '-');
    for (; digit < end && is_digit(*digit) && digit - at < SMALL_INTEGER; digit++)
        number = number * 10 + (*digit - '0');
    if (digit < end)
        return read_rare(reading, at, end, value);
    *value = json_integer(*at == '-' ? -number : number);
    return *value ? end : out_of_memory(reading, at);
}

static const char *read_word(struct reading *reading, const char *at, json_t **value)
{
    const char *end = json_scan_value(&reading->scanner, at, 0);
    if (end)
        *value = *at == 't' ? json_true() : *at == 'f' ? json_false() : json_null();
    return end;
}

static const char *read_elements(struct reading *reading, const char *at, json_t *array)
{
    const char *end = reading->scanner.end;
    at = json_skip_space(at + 1, end);
    if (at < end && *at == ']')
        return at + 1;
    for (;; at++) {
        json_t *element = NULL;
        at = read_value(reading, json_skip_space(at, end), &element);
        if (!at)
            return NULL;
        if (json_array_append_new(array, element) < 0)
            return out_of_memory(reading, at);
        at = json_skip_space(at, end);
        if (at < end && *at == ']')
            return at + 1;
        if (at == end || *at != ',')
            return json_scan_fail(&reading->scanner, at,
                                  "neither a comma nor ] after an array element");
    }
}

/* An object of jansson, and its member that is being read. */
struct member {
    struct reading *reading;
    json_t *object;
};

static const char *set_member(struct member *member, const char *key, size_t length, json_t *value,
                              const char *end)
{
    size_t before = json_object_size(member->object);
    if (json_object_setn_new_nocheck(member->object, key, length, value) < 0)
        return out_of_memory(member->reading, key);
    if (json_object_size(member->object) == before)
        return json_scan_fail(&member->reading->scanner, key, "a duplicate member");
    return end;
}

static bool may_repeat(const struct reading *reading, const char *key, size_t length,
                       const char *at)
{
    static const char name[] = "_meta";
    return reading->repeated && reading->depth <= REPEATED_DEPTH && length == sizeof name - 1 &&
           memcmp(key, name, length) == 0 && at < reading->scanner.end && *at == '{';
}

static const char *read_repeated(struct reading *reading, const char *at, json_t **value)
{
    size_t length;
    *value = json_repeated_find(reading->repeated, at, reading->scanner.end, &length);
    if (*value)
        return at + length;
    const char *end = read_value(reading, at, value);
    if (end)
        json_repeated_keep(reading->repeated, at, (size_t)(end - at), *value);
    return end;
}

static const char *read_member(struct json_scanner *scanner, void *context, const char *key,
                               const char *key_end, bool key_escaped, const char *at)
{
    struct member *member = context;
    json_t *value = NULL, *name = NULL;
    (void)scanner;
    const char *end = may_repeat(member->reading, key, (size_t)(key_end - key), at)
                          ? read_repeated(member->reading, at, &value)
                          : read_value(member->reading, at, &value);
    if (!end)
        return NULL;
    if (!key_escaped)
        return set_member(member, key, (size_t)(key_end - key), value, end);
    if (!read_rare(member->reading, key - 1, key_end + 1, &name)) {
        json_decref(value);
        return NULL;
    }
    end = set_member(member, json_string_value(name), json_string_length(name), value, end);
    json_decref(name);
    return end;
}

static const char *read_inside(struct reading *reading, const char *at, json_t **value)
{
    struct member member = {reading, *at == '{' ? json_object() : json_array()};
    *value = member.object;
    if (!*value)
        return out_of_memory(reading, at);
    if (reading->depth == JSON_READ_DEPTH)
        return json_scan_fail(&reading->scanner, at, "nested too deep");
    reading->depth++;
    at = *at == '{' ? json_scan_members(&reading->scanner, at, read_member, &member)
                    : read_elements(reading, at, *value);
    reading->depth--;
    return at;
}

/* Returns one past the value. *value may hold a part of it, to be freed, after an error. */
static const char *read_parts(struct reading *reading, const char *at, json_t **value)
{
    if (at == reading->scanner.end)
        return json_scan_fail(&reading->scanner, at, "the text ends where a value should be");
    switch (*at) {
    case '{':
    case '[':
        return read_inside(reading, at, value);
    case '"':
        return read_string(reading, at, value);
    default:
        return *at == '-' || is_digit(*at) ? read_number(reading, at, value)
                                           : read_word(reading, at, value);
    }
}

static const char *read_value(struct reading *reading, const char *at, json_t **value)
{
    *value = NULL;
    at = read_parts(reading, at, value);
    if (!at) {
        json_decref(*value);
        *value = NULL;
    }
    return at;
}

json_t *json_read(const char *bytes, size_t length, json_error_t *problem)
{
    return json_read_request(bytes, length, NULL, problem);
}

json_t *json_read_request(const char *bytes, size_t length, struct json_repeated *repeated,
                          json_error_t *problem)
{
    struct reading reading = {
        .scanner.end = bytes ? bytes + length : NULL,
        .repeated = repeated,
    };
    json_t *value = NULL;
    const char *at = bytes
                         ? read_value(&reading, json_skip_space(bytes, reading.scanner.end), &value)
                         : json_scan_fail(&reading.scanner, bytes, "there is nothing");
    if (at) {
        at = json_skip_space(at, reading.scanner.end);
        if (at == reading.scanner.end)
            return value;
        json_scan_fail(&reading.scanner, at, "something after the value");
    }
    json_decref(value);
    *problem = (json_error_t){0};
    snprintf(problem->text, sizeof problem->text, "%s", reading.scanner.problem);
    problem->position = (int)(bytes ? reading.scanner.problem_at - bytes : 0);
    return NULL;
}
