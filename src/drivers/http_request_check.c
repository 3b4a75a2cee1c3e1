/* What an answer must be. JSON is walked where it lies: a tree is built only to compare values that
 * are not the same bytes. */
#include "drivers/http_request.h"
#include "mcp/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_DEPTH = 64, TOKEN_SIZE = 256, SHOWN = 80 };

/* ---- JSON Pointer
 * --------------------------------------------------------------------------------
 */

struct search {
    const char *token; /* unescaped, NUL-ended */
    size_t length;
    const char *found, *found_end;
};

static bool key_is(const struct search *search, const char *key, const char *key_end, bool escaped)
{
    size_t length = (size_t)(key_end - key);
    if (!escaped)
        return length == search->length && memcmp(key, search->token, length) == 0;
    json_t *text = json_loadb(key - 1, length + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = text && json_string_length(text) == search->length &&
                memcmp(json_string_value(text), search->token, search->length) == 0;
    json_decref(text);
    return same;
}

static const char *member(struct json_scanner *scanner, void *context, const char *key,
                          const char *key_end, bool key_escaped, const char *value)
{
    struct search *search = context;
    const char *end = json_scan_value(scanner, value, JSON_DEPTH);
    if (end && key_is(search, key, key_end, key_escaped)) {
        search->found = value; /* of members with one name the last counts */
        search->found_end = end;
    }
    return end;
}

/* Element `index` of the array at `at`. */
static bool find_element(struct json_scanner *scanner, const char *at, struct search *search)
{
    /* An index has digits only, and no leading zero. */
    if (!search->length || strspn(search->token, "0123456789") != search->length ||
        (search->token[0] == '0' && search->length > 1) || search->length > 9)
        return false;
    unsigned long index = strtoul(search->token, NULL, 10);
    at = json_skip_space(at + 1, scanner->end);
    while (at < scanner->end && *at != ']') {
        const char *end = json_scan_value(scanner, at, JSON_DEPTH);
        if (!end)
            return false;
        if (index-- == 0) {
            search->found = at;
            search->found_end = end;
            return true;
        }
        at = json_skip_space(end, scanner->end);
        if (at < scanner->end && *at == ',')
            at = json_skip_space(at + 1, scanner->end);
    }
    return false;
}

/* One token of the pointer, unescaped; returns where the next begins, NULL when it is too long. */
static const char *take_token(const char *pointer, char token[TOKEN_SIZE], size_t *length)
{
    *length = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char byte = *pointer;
        if (byte == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            byte = *++pointer == '0' ? '~' : '/';
        if (*length + 1 >= TOKEN_SIZE)
            return NULL;
        token[(*length)++] = byte;
    }
    token[*length] = 0;
    return pointer;
}

bool http_request_find(const char *json, size_t length, const char *pointer, const char **value,
                       size_t *value_length)
{
    struct json_scanner scanner = {.end = json + length};
    const char *at = json_skip_space(json, scanner.end);
    const char *end = json_scan_value(&scanner, at, JSON_DEPTH);
    char token[TOKEN_SIZE];
    while (end && *pointer) {
        struct search search = {.token = token};
        pointer = take_token(pointer, token, &search.length);
        if (!pointer)
            return false;
        scanner.end = end;
        if (*at == '{')
            json_scan_members(&scanner, at, member, &search);
        else if (*at == '[')
            find_element(&scanner, at, &search);
        at = search.found;
        end = search.found_end;
    }
    if (!end)
        return false;
    *value = at;
    *value_length = (size_t)(end - at);
    return true;
}

/* ---- checks
 * --------------------------------------------------------------------------------------
 */

/* 1 and 1.0 are the same number to a reader of a plan. */
static bool same_value(const json_t *found, const json_t *expected)
{
    if (json_is_number(found) && json_is_number(expected))
        return json_number_value(found) == json_number_value(expected);
    return json_equal(found, expected);
}

static bool is_same(const char *found, size_t length, const char *expected, size_t expected_length)
{
    if (length == expected_length && memcmp(found, expected, length) == 0)
        return true;
    json_t *one = json_loadb(found, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *other = json_loadb(expected, expected_length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = one && other && same_value(one, other);
    json_decref(one);
    json_decref(other);
    return same;
}

static bool check_one(const struct http_request_check *check, const char *body, size_t length,
                      const struct template_context *context, struct buffer *scratch,
                      char *sentence, size_t size)
{
    const char *expected = check->value.text, *found, *missing = NULL;
    size_t expected_length = expected ? strlen(expected) : 0, found_length;
    const char *place = *check->pointer ? check->pointer : "the answer";
    if (check->value.text_template) {
        buffer_clear(scratch);
        if (template_render(check->value.text_template, context, scratch, &missing) < 0) {
            snprintf(sentence, size, "at %s: there is no value for %s to expect", place,
                     missing ? missing : "the template");
            return false;
        }
        expected = buffer_bytes(scratch);
        expected_length = buffer_length(scratch);
    }
    if (!http_request_find(body, length, check->pointer, &found, &found_length)) {
        snprintf(sentence, size, "there is nothing at %s", place);
        return false;
    }
    if (is_same(found, found_length, expected, expected_length))
        return true;
    snprintf(sentence, size, "at %s: %.*s%s, not %.*s%s", place,
             (int)(found_length > SHOWN ? SHOWN : found_length), found,
             found_length > SHOWN ? "..." : "",
             (int)(expected_length > SHOWN ? SHOWN : expected_length), expected,
             expected_length > SHOWN ? "..." : "");
    return false;
}

static bool is_json(const char *body, size_t length)
{
    struct json_scanner scanner = {.end = body + length};
    const char *at = json_skip_space(body, scanner.end);
    const char *end = at < scanner.end ? json_scan_value(&scanner, at, JSON_DEPTH) : NULL;
    return end && json_skip_space(end, scanner.end) == scanner.end;
}

bool http_request_check(const struct http_request_operation *request, int status, const char *body,
                        size_t length, const struct template_context *context,
                        struct buffer *scratch, struct outcome *outcome, char *sentence,
                        size_t size)
{
    bool expected = false;
    for (size_t i = 0; i < request->status_count; i++)
        expected |= status >= request->statuses[i].low && status <= request->statuses[i].high;
    if (!expected) {
        *outcome = (struct outcome){.kind = OUTCOME_HTTP_STATUS, .code = status};
        snprintf(sentence, size, "the server answers with status %d", status);
        return false;
    }
    if (request->check_count && !is_json(body, length)) {
        *outcome = (struct outcome){.kind = OUTCOME_CHECK_FAILED, .detail = "no_json"};
        snprintf(sentence, size, "the answer is no JSON, so nothing of it can be checked");
        return false;
    }
    for (size_t i = 0; i < request->check_count; i++) {
        if (check_one(&request->checks[i], body, length, context, scratch, sentence, size))
            continue;
        *outcome = (struct outcome){.kind = OUTCOME_CHECK_FAILED, .detail = "json"};
        return false;
    }
    return true;
}
