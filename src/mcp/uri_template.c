/* See uri_template.h. */
#include "mcp/uri_template.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6570 section 3.2.1, the table in appendix A. */
struct operator_rule {
    char symbol;
    const char *first, *separator;
    bool named;              /* name=value */
    const char *empty_value; /* after a name whose value is empty */
    bool reserved;           /* reserved characters stay */
};
static const struct operator_rule rules[] = {
    {'+', "", ",", false, "", true},   {'#', "#", ",", false, "", true},
    {'.', ".", ".", false, "", false}, {'/', "/", "/", false, "", false},
    {';', ";", ";", true, "", false},  {'?', "?", "&", true, "=", false},
    {'&', "&", "&", true, "=", false},
};
static const struct operator_rule simple = {0, "", ",", false, "", false};

enum { LONGEST_NAME = 128 };

/* One expression, cut into its operator and the list of variables. */
static const struct operator_rule *rule_of(const char **at)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (**at != rules[i].symbol)
            continue;
        (*at)++;
        return &rules[i];
    }
    return &simple;
}

/* The next name of a list such as "a,b*,c:3" that ends at `end`; modifiers are skipped. false at
 * the end of the list. */
static bool next_name(const char **at, const char *end, char name[LONGEST_NAME])
{
    while (*at < end && **at == ',')
        (*at)++;
    if (*at >= end)
        return false;
    size_t length = 0, whole = 0;
    while (*at + whole < end && (*at)[whole] != ',')
        whole++;
    while (length < whole && length < LONGEST_NAME - 1 && (*at)[length] != '*' &&
           (*at)[length] != ':')
        length++;
    memcpy(name, *at, length);
    name[length] = '\0';
    *at += whole;
    return true;
}

static bool has_string(const json_t *array, const char *text)
{
    size_t index;
    json_t *element;
    json_array_foreach((json_t *)array, index, element)
    {
        if (strcmp(json_string_value(element), text) == 0)
            return true;
    }
    return false;
}

json_t *uri_template_variables(const char *uri_template)
{
    json_t *names = json_array();
    char name[LONGEST_NAME];
    for (const char *at = uri_template; (at = strchr(at, '{')); at++) {
        const char *end = strchr(++at, '}');
        if (!end)
            break;
        rule_of(&at);
        while (next_name(&at, end, name))
            if (*name && !has_string(names, name))
                json_array_append_new(names, json_string(name));
        at = end;
    }
    return names;
}

/* ---- expansion ---------------------------------------------------------------------------------
 */

static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr("-._~", byte));
}

static int append_encoded(struct buffer *output, const char *value, bool reserved)
{
    for (const char *at = value; *at; at++) {
        const char *close = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
        int failed;
        if (close) {
            failed = buffer_append(output, at, (size_t)(close - at) + 1);
            at = close;
        } else if (is_unreserved(*at) || (reserved && strchr(":/?#[]@!$&'()*+,;=", *at))) {
            failed = buffer_append_char(output, *at);
        } else {
            failed = buffer_printf(output, "%%%02X", (unsigned)(unsigned char)*at);
        }
        if (failed)
            return -1;
    }
    return 0;
}

/* The text of a value; NULL when it has none. `number` holds those that are no strings. */
static const char *text_of(const json_t *value, char number[32])
{
    if (json_is_integer(value))
        snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, 32, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    else
        return json_string_value(value);
    return number;
}

static int expand_expression(struct buffer *output, const char *at, const char *end,
                             const json_t *values)
{
    const struct operator_rule *rule = rule_of(&at);
    const char *before = rule->first;
    char name[LONGEST_NAME], number[32];
    while (next_name(&at, end, name)) {
        const char *value = text_of(json_object_get(values, name), number);
        if (!value)
            continue;
        if (buffer_append_text(output, before) < 0)
            return -1;
        if (rule->named && (buffer_append_text(output, name) < 0 ||
                            buffer_append_text(output, *value ? "=" : rule->empty_value) < 0))
            return -1;
        if (append_encoded(output, value, rule->reserved) < 0)
            return -1;
        before = rule->separator;
    }
    return 0;
}

char *uri_template_expand(const char *uri_template, const json_t *values)
{
    struct buffer output;
    buffer_init(&output, SIZE_MAX / 2);
    int failed = 0;
    for (const char *at = uri_template; *at && !failed; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            failed = buffer_append_char(&output, *at);
            continue;
        }
        failed = expand_expression(&output, at + 1, end, values);
        at = end;
    }
    char *text = failed ? NULL : buffer_take_string(&output);
    buffer_free(&output);
    return text;
}
