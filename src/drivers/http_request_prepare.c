/* A request of a plan, read and checked once: what is constant in it stays as it is, the rest are
 * compiled templates. */
#include "drivers/http_request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_LIMIT = 64 };

static const char *const words[] = {"method", "path", "headers", "body", "expect", "name", NULL};

static int read_method(struct http_request_operation *request, const json_t *value,
                       const char *where, struct error *error);
static int read_path(struct http_request_operation *request, const json_t *value, const char *where,
                     struct error *error);
static int read_headers(struct http_request_operation *request, const json_t *value,
                        const char *where, struct error *error);
static int read_body(struct http_request_operation *request, const json_t *value, const char *where,
                     struct error *error);
static int read_expect(struct http_request_operation *request, const json_t *value,
                       const char *where, struct error *error);

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int check_words(const json_t *object, const char *const *known, const char *place,
                       const char *where, struct error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (known[i])
            continue;
        char list[128] = "";
        for (i = 0; known[i]; i++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
                     known[i]);
        return error_set(error, ERROR_USAGE, "%s: %s.%s: is no word here; there are %s", where,
                         place, name, list);
    }
    return 0;
}

int http_request_compile(struct http_request_operation *request, const json_t *arguments,
                         const char *where, struct error *error)
{
    *request = (struct http_request_operation){0};
    request->arguments = arguments ? json_deep_copy(arguments) : json_object();
    int result = request->arguments ? 0 : out_of_memory(error);
    if (result == 0 && !json_is_object(request->arguments))
        result = error_set(error, ERROR_USAGE,
                           "%s: arguments: must be a mapping, as in {method: GET, path: /health}",
                           where);
    if (result == 0)
        result = check_words(request->arguments, words, "arguments", where, error);
    const json_t *given = request->arguments;
    if (result == 0)
        result = read_method(request, json_object_get(given, "method"), where, error);
    if (result == 0)
        result = read_path(request, json_object_get(given, "path"), where, error);
    if (result == 0)
        result = read_headers(request, json_object_get(given, "headers"), where, error);
    if (result == 0)
        result = read_body(request, json_object_get(given, "body"), where, error);
    if (result == 0)
        result = read_expect(request, json_object_get(given, "expect"), where, error);
    if (result < 0)
        http_request_free(request);
    return result;
}

static void free_text(struct http_request_text *text)
{
    free(text->text);
    template_free(text->text_template);
}

void http_request_free(struct http_request_operation *request)
{
    free(request->method);
    free_text(&request->path);
    free_text(&request->body);
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free_text(&request->headers[i].value);
    }
    for (size_t i = 0; i < request->check_count; i++) {
        free(request->checks[i].pointer);
        free_text(&request->checks[i].value);
    }
    json_decref(request->arguments);
    *request = (struct http_request_operation){0};
}

char *http_request_name(const json_t *arguments)
{
    const char *given = json_string_value(json_object_get(arguments, "name"));
    const char *method = json_string_value(json_object_get(arguments, "method"));
    const char *path = json_string_value(json_object_get(arguments, "path"));
    char name[NAME_LIMIT + 8];
    if (given && *given)
        return strdup(given);
    int length = snprintf(name, sizeof name, "%s%s%s", method ? method : "GET", path ? " " : "",
                          path ? path : "");
    if (length > NAME_LIMIT) { /* not within a character */
        length = NAME_LIMIT;
        while (length && (name[length] & 0xC0) == 0x80)
            length--;
        strcpy(name + length, "...");
    }
    return strdup(name);
}

/* ---- the parts ----------------------------------------------------------------------------------
 */

/* `text` becomes the text's own. A template that is constant, but for "$${", is rendered now. */
static int set_text(struct http_request_text *into, char *text, bool is_json, const char *place,
                    const char *where, struct error *error)
{
    into->text = text;
    if (!text)
        return out_of_memory(error);
    if (!strstr(text, "${"))
        return 0;
    into->text_template = template_compile(text, is_json, NULL, NULL, error);
    if (!into->text_template)
        return error_wrap(error, "%s: arguments.%s", where, place);
    if (!template_is_constant(into->text_template))
        return 0;
    struct buffer rendered;
    struct random random;
    struct template_context context = {.random = &random};
    random_seed(&random, 0, 0);
    buffer_init(&rendered, HTTP_REQUEST_LIMIT);
    int result = template_render(into->text_template, &context, &rendered, NULL);
    char *constant = result == 0 ? buffer_take_string(&rendered) : NULL;
    buffer_free(&rendered);
    if (!constant)
        return out_of_memory(error);
    template_free(into->text_template);
    into->text_template = NULL;
    free(into->text);
    into->text = constant;
    return 0;
}

static bool is_token(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("!#$%&'*+-.^_`|~", *at))
            return false;
    return *text != 0;
}

static int read_method(struct http_request_operation *request, const json_t *value,
                       const char *where, struct error *error)
{
    const char *method = value ? json_string_value(value) : "GET";
    if (!method || !is_token(method) || strcasecmp(method, "CONNECT") == 0)
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.method: must be a method such as GET or POST", where);
    request->method = strdup(method);
    return request->method ? 0 : out_of_memory(error);
}

static int read_path(struct http_request_operation *request, const json_t *value, const char *where,
                     struct error *error)
{
    const char *path = json_string_value(value);
    if (!value)
        return 0;
    if (!path || path[0] != '/' || strlen(path) != json_string_length(value))
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.path: must be a path that begins with \"/\", as in "
                         "/users/${user}",
                         where);
    return set_text(&request->path, strdup(path), false, "path", where, error);
}

static int read_headers(struct http_request_operation *request, const json_t *value,
                        const char *where, struct error *error)
{
    const char *name;
    json_t *content;
    if (value && !json_is_object(value))
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.headers: must be a mapping of names to values", where);
    if (json_object_size(value) + 1 > HTTP_REQUEST_HEADERS)
        return error_set(error, ERROR_USAGE, "%s: arguments.headers: there may be %d at most",
                         where, HTTP_REQUEST_HEADERS - 1);
    json_object_foreach((json_t *)value, name, content)
    {
        const char *text = json_string_value(content);
        if (!is_token(name) || strcasecmp(name, "host") == 0 ||
            strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0)
            return error_set(error, ERROR_USAGE,
                             "%s: arguments.headers.%s: is no header that a request may set", where,
                             name);
        if (!text || strlen(text) != json_string_length(content) || strpbrk(text, "\r\n"))
            return error_set(error, ERROR_USAGE,
                             "%s: arguments.headers.%s: must be text on one line", where, name);
        struct http_request_field *field = &request->headers[request->header_count++];
        field->name = strdup(name);
        if (!field->name)
            return out_of_memory(error);
        if (set_text(&field->value, strdup(text), false, "headers", where, error) < 0)
            return -1;
    }
    return 0;
}

/* Text as it is; anything else as JSON. */
static int read_body(struct http_request_operation *request, const json_t *value, const char *where,
                     struct error *error)
{
    const char *text = json_string_value(value);
    if (!value)
        return 0;
    if (text && strlen(text) != json_string_length(value))
        return error_set(error, ERROR_USAGE, "%s: arguments.body: must not hold a null character",
                         where);
    char *body = text ? strdup(text) : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (set_text(&request->body, body, !text, "body", where, error) < 0)
        return -1;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "content-type") == 0)
            return 0;
    struct http_request_field *field = &request->headers[request->header_count++];
    field->name = strdup("Content-Type");
    field->value.text = strdup(text ? "text/plain; charset=utf-8" : "application/json");
    return field->name && field->value.text ? 0 : out_of_memory(error);
}

/* ---- what is expected ---------------------------------------------------------------------------
 */

static bool read_status(const json_t *value, struct http_request_range *range)
{
    const char *text = json_string_value(value);
    json_int_t number = json_integer_value(value);
    if (text && strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' &&
        strcasecmp(text + 1, "xx") == 0) {
        range->low = (text[0] - '0') * 100;
        range->high = range->low + 99;
        return true;
    }
    range->low = range->high = (int)number;
    return json_is_integer(value) && number >= 100 && number <= 599;
}

static int read_statuses(struct http_request_operation *request, const json_t *value,
                         const char *where, struct error *error)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (!value) {
        request->statuses[request->status_count++] = (struct http_request_range){200, 299};
        return 0;
    }
    bool good = count > 0 && count <= HTTP_REQUEST_STATUSES;
    for (size_t i = 0; good && i < count; i++)
        good = read_status(json_is_array(value) ? json_array_get(value, i) : value,
                           &request->statuses[request->status_count++]);
    return good ? 0
                : error_set(error, ERROR_USAGE,
                            "%s: arguments.expect.status: must be a status, \"2xx\", or a list of "
                            "up to %d of these, as in [200, 404]",
                            where, HTTP_REQUEST_STATUSES);
}

static int read_check(struct http_request_operation *request, const char *pointer,
                      const json_t *value, const char *where, struct error *error)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (*pointer && *pointer != '/') {
        free(text);
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.expect.json: \"%s\" is no JSON Pointer; write e.g. "
                         "/status, or \"\" for the whole answer",
                         where, pointer);
    }
    static const char *const changing[] = {"${random", "${uuid", "${now"};
    for (size_t i = 0; text && i < sizeof changing / sizeof *changing; i++) {
        if (!strstr(text, changing[i]))
            continue;
        free(text);
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.expect.json: %s...} is another value each time, and cannot "
                         "be expected",
                         where, changing[i]);
    }
    struct http_request_check *check = &request->checks[request->check_count++];
    check->pointer = strdup(pointer);
    if (set_text(&check->value, text, true, "expect.json", where, error) < 0)
        return -1;
    return check->pointer ? 0 : out_of_memory(error);
}

static int read_expect(struct http_request_operation *request, const json_t *value,
                       const char *where, struct error *error)
{
    static const char *const known[] = {"status", "json", NULL};
    const json_t *checks = json_object_get(value, "json");
    const char *pointer;
    json_t *expected;
    if (value && !json_is_object(value))
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.expect: must be a mapping, as in {status: [200], json: "
                         "{/status: ok}}",
                         where);
    if (check_words(value, known, "arguments.expect", where, error) < 0 ||
        read_statuses(request, json_object_get(value, "status"), where, error) < 0)
        return -1;
    if ((checks && !json_is_object(checks)) || json_object_size(checks) > HTTP_REQUEST_CHECKS)
        return error_set(error, ERROR_USAGE,
                         "%s: arguments.expect.json: must be a mapping of at most %d JSON Pointers "
                         "to values",
                         where, HTTP_REQUEST_CHECKS);
    json_object_foreach((json_t *)checks, pointer, expected)
    {
        if (read_check(request, pointer, expected, where, error) < 0)
            return -1;
    }
    return 0;
}
