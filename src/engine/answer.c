/* See answer.h. */
#include "engine/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool capture_value(const struct capture *capture, const json_t *result,
                          struct template_value *values, size_t value_count);
static bool check_holds(const struct check *check, const json_t *result);

const json_t *json_pointer_get(const json_t *document, const char *pointer)
{
    const json_t *at = document;
    while (at && *pointer) {
        if (*pointer++ != '/')
            return NULL;
        char token[256];
        size_t length = 0;
        for (; *pointer && *pointer != '/'; pointer++) {
            char byte = *pointer;
            if (byte == '~' && (pointer[1] == '0' || pointer[1] == '1'))
                byte = *++pointer == '0' ? '~' : '/';
            if (length + 1 >= sizeof token)
                return NULL;
            token[length++] = byte;
        }
        token[length] = 0;
        if (json_is_object(at)) {
            at = json_object_get(at, token);
        } else if (json_is_array(at)) {
            /* An index has digits only, and no leading zero. */
            if (!length || strspn(token, "0123456789") != length || (token[0] == '0' && length > 1))
                return NULL;
            at = json_array_get(at, strtoul(token, NULL, 10));
        } else {
            return NULL;
        }
    }
    return at;
}

bool answer_apply(const struct step *step, const char *response, size_t length,
                  struct template_value *values, size_t value_count, struct outcome *outcome,
                  char *problem, size_t problem_size)
{
    json_t *document =
        response ? json_loadb(response, length, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL)
                 : NULL;
    const json_t *result = document;
    if (json_object_get(document, "jsonrpc") && json_object_get(document, "result"))
        result = json_object_get(document, "result");
    const char *detail = document ? NULL : "no_json";
    if (!document)
        snprintf(problem, problem_size, "the answer is no JSON, so nothing of it can be checked");
    for (size_t i = 0; !detail && i < step->check_count; i++) {
        if (check_holds(&step->checks[i], result))
            continue;
        detail = "check";
        snprintf(problem, problem_size, "the check of %s does not hold", step->checks[i].pointer);
    }
    for (size_t i = 0; !detail && i < step->capture_count; i++) {
        if (capture_value(&step->captures[i], result, values, value_count))
            continue;
        detail = "capture";
        snprintf(problem, problem_size, "there is nothing at %s to capture as %s",
                 step->captures[i].pointer, step->captures[i].name);
    }
    json_decref(document);
    if (!detail)
        return true;
    *outcome = (struct outcome){.kind = OUTCOME_CHECK_FAILED, .detail = detail};
    return false;
}

static bool capture_value(const struct capture *capture, const json_t *result,
                          struct template_value *values, size_t value_count)
{
    const json_t *found = json_pointer_get(result, capture->pointer);
    char *text = found ? json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    for (size_t i = 0; text && i < value_count; i++) {
        if (strcmp(values[i].name, capture->name) != 0)
            continue;
        free(values[i].json);
        values[i].json = text;
        return true;
    }
    free(text);
    return false;
}

static bool check_holds(const struct check *check, const json_t *result)
{
    const json_t *found = json_pointer_get(result, check->pointer);
    if (!found)
        return false;
    if (!check->equals)
        return true;
    /* 1 and 1.0 are the same number to a reader of the plan. */
    if (json_is_number(found) && json_is_number(check->equals))
        return json_number_value(found) == json_number_value(check->equals);
    return json_equal(found, check->equals);
}
