/* Compiling templates: all the parsing and checking, once. See template_render.c for the rest. */
#include "base/template_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compiler {
    struct text_template *result;
    char *const *columns, *const *captures;
    struct buffer literal; /* collected until the next placeholder */
    struct error *error;
};

#define TEMPLATE_TEXT_LIMIT ((size_t)16 * 1024 * 1024)
#define DATA_PREFIX         "data."
#define CAPTURE_PREFIX      "capture."
#define JSON_SUFFIX         ":json"

static int compile_text(struct compiler *compiler, const char *text, size_t length);
static int compile_json(struct compiler *compiler, const char *text, size_t length);
static int flush_literal(struct compiler *compiler);

struct text_template *template_compile(const char *text, bool is_json, char *const *columns,
                                       char *const *captures, struct error *error)
{
    struct compiler compiler = {.columns = columns, .captures = captures, .error = error};
    size_t length = strlen(text);
    compiler.result = calloc(1, sizeof *compiler.result);
    if (!compiler.result) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    compiler.result->is_json = is_json;
    buffer_init(&compiler.literal, TEMPLATE_TEXT_LIMIT);
    int failed =
        is_json ? compile_json(&compiler, text, length) : compile_text(&compiler, text, length);
    if (failed == 0)
        failed = flush_literal(&compiler);
    buffer_free(&compiler.literal);
    if (failed == 0)
        return compiler.result;
    template_free(compiler.result);
    return NULL;
}

void template_free(struct text_template *text_template)
{
    if (!text_template)
        return;
    for (size_t i = 0; i < text_template->segment_count; i++)
        free(text_template->segments[i].text);
    free(text_template->segments);
    free(text_template);
}

bool template_is_constant(const struct text_template *text_template)
{
    for (size_t i = 0; i < text_template->segment_count; i++)
        if (text_template->segments[i].kind != SEGMENT_LITERAL)
            return false;
    return true;
}

/* ---- compiling ---------------------------------------------------------------------------------
 */

static int out_of_memory(struct compiler *compiler)
{
    return error_set(compiler->error, ERROR_INTERNAL, "out of memory");
}

static int add_literal(struct compiler *compiler, const char *bytes, size_t count)
{
    if (buffer_append(&compiler->literal, bytes, count) < 0)
        return error_set(compiler->error, ERROR_USAGE, "the text is longer than %zu bytes",
                         TEMPLATE_TEXT_LIMIT);
    return 0;
}

static struct segment *add_segment(struct compiler *compiler, enum segment_kind kind)
{
    struct text_template *result = compiler->result;
    size_t size = (result->segment_count + 1) * sizeof *result->segments;
    struct segment *grown = realloc(result->segments, size);
    if (!grown)
        return NULL;
    result->segments = grown;
    struct segment *segment = &grown[result->segment_count++];
    *segment = (struct segment){.kind = kind};
    return segment;
}

static int flush_literal(struct compiler *compiler)
{
    size_t length = buffer_length(&compiler->literal);
    if (length == 0)
        return 0;
    struct segment *segment = add_segment(compiler, SEGMENT_LITERAL);
    if (!segment)
        return out_of_memory(compiler);
    segment->text = malloc(length);
    if (!segment->text)
        return out_of_memory(compiler);
    memcpy(segment->text, buffer_bytes(&compiler->literal), length);
    segment->length = length;
    buffer_clear(&compiler->literal);
    return 0;
}

static bool list_has(char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* "a, b, c" for a message, cut where it gets long. */
static void list_text(char *const *list, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; list[i] && used < size; i++) {
        int written = snprintf(text + used, size - used, "%s%s", i ? ", " : "", list[i]);
        used += written > 0 ? (size_t)written : 0;
    }
}

static int unknown_placeholder(struct compiler *compiler, const char *name)
{
    return error_set(compiler->error, ERROR_USAGE,
                     "unknown placeholder ${%.80s}; known are ${user}, ${iteration}, ${uuid}, "
                     "${now}, ${random(A,B)}, ${data.COLUMN} and ${capture.NAME}; "
                     "write $${ for a literal ${",
                     name);
}

static int check_listed(struct compiler *compiler, const char *placeholder, const char *name,
                        char *const *list, const char *what, const char *none)
{
    char known[300];
    if (!list || list_has(list, name))
        return 0;
    if (!list[0])
        return error_set(compiler->error, ERROR_USAGE, "${%.80s}: %s", placeholder, none);
    list_text(list, known, sizeof known);
    return error_set(compiler->error, ERROR_USAGE, "${%.80s}: there is no %s \"%.80s\"; known: %s",
                     placeholder, what, name, known);
}

static int parse_random(struct compiler *compiler, const char *name, struct segment *segment)
{
    int end = 0;
    if (sscanf(name, "random( %" SCNd64 " , %" SCNd64 " )%n", &segment->low, &segment->high,
               &end) != 2 ||
        end == 0 || name[end] != '\0' || segment->low > segment->high)
        return error_set(compiler->error, ERROR_USAGE,
                         "${%.80s}: random takes two whole numbers, the smaller first; write e.g. "
                         "${random(1,100)}",
                         name);
    return 0;
}

/* Fill `segment` from the name between the braces, ":json" already taken off. */
static int parse_placeholder(struct compiler *compiler, const char *name, struct segment *segment)
{
    static const struct {
        const char *name;
        enum segment_kind kind;
    } simple[] = {{"user", SEGMENT_USER},
                  {"iteration", SEGMENT_ITERATION},
                  {"uuid", SEGMENT_UUID},
                  {"now", SEGMENT_NOW}};
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        if (strcmp(name, simple[i].name) == 0) {
            segment->kind = simple[i].kind;
            return 0;
        }
    }
    if (strncmp(name, "random(", 7) == 0) {
        segment->kind = SEGMENT_RANDOM;
        return parse_random(compiler, name, segment);
    }
    const char *item = NULL;
    if (strncmp(name, DATA_PREFIX, strlen(DATA_PREFIX)) == 0) {
        segment->kind = SEGMENT_DATA;
        item = name + strlen(DATA_PREFIX);
        if (check_listed(compiler, name, item, compiler->columns, "column",
                         "the plan has no data file; add one with data: FILE.csv") < 0)
            return -1;
    } else if (strncmp(name, CAPTURE_PREFIX, strlen(CAPTURE_PREFIX)) == 0) {
        segment->kind = SEGMENT_CAPTURE;
        item = name + strlen(CAPTURE_PREFIX);
        if (check_listed(compiler, name, item, compiler->captures, "capture",
                         "no earlier step of the behaviour captures anything") < 0)
            return -1;
    }
    if (!item || !*item)
        return unknown_placeholder(compiler, name);
    segment->text = strdup(item);
    segment->length = strlen(item);
    return segment->text ? 0 : out_of_memory(compiler);
}

/* The name as it was meant: inside JSON it may hold escapes. */
static char *placeholder_name(struct compiler *compiler, const char *text, size_t length)
{
    if (!compiler->result->is_json || !memchr(text, '\\', length))
        return strndup(text, length);
    char *quoted = malloc(length + 2);
    if (!quoted)
        return NULL;
    quoted[0] = quoted[length + 1] = '"';
    memcpy(quoted + 1, text, length);
    json_t *value = json_loadb(quoted, length + 2, JSON_DECODE_ANY, NULL);
    char *name = strdup(json_string_value(value) ? json_string_value(value) : "");
    json_decref(value);
    free(quoted);
    return name;
}

static int add_placeholder(struct compiler *compiler, const char *text, size_t length,
                           bool json_allowed)
{
    if (flush_literal(compiler) < 0)
        return -1;
    char *name = placeholder_name(compiler, text, length);
    struct segment segment = {.kind = SEGMENT_LITERAL};
    if (!name)
        return out_of_memory(compiler);
    size_t name_length = strlen(name), suffix = strlen(JSON_SUFFIX);
    if (name_length > suffix && strcmp(name + name_length - suffix, JSON_SUFFIX) == 0) {
        name[name_length - suffix] = '\0';
        segment.as_json = true;
    }
    int failed;
    if (segment.as_json && !json_allowed)
        failed = error_set(compiler->error, ERROR_USAGE,
                           "${%.80s:json} must be a whole string value of the arguments, with "
                           "nothing beside it; drop \":json\" to put it in as text",
                           name);
    else
        failed = parse_placeholder(compiler, name, &segment);
    free(name);
    if (failed < 0) {
        free(segment.text);
        return -1;
    }
    struct segment *added = add_segment(compiler, segment.kind);
    if (!added) {
        free(segment.text);
        return out_of_memory(compiler);
    }
    *added = segment;
    return 0;
}

static int compile_text(struct compiler *compiler, const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        if (length - i >= 3 && memcmp(text + i, "$${", 3) == 0) {
            if (add_literal(compiler, "${", 2) < 0)
                return -1;
            i += 3;
        } else if (length - i >= 2 && text[i] == '$' && text[i + 1] == '{') {
            const char *close = memchr(text + i, '}', length - i);
            if (!close)
                return error_set(compiler->error, ERROR_USAGE,
                                 "\"${\" without a closing brace; write $${ for a literal ${");
            if (add_placeholder(compiler, text + i + 2, (size_t)(close - text) - i - 2, false) < 0)
                return -1;
            i = (size_t)(close - text) + 1;
        } else {
            if (add_literal(compiler, text + i, 1) < 0)
                return -1;
            i++;
        }
    }
    return 0;
}

/* Is the string one placeholder with ":json" and nothing else? */
static bool is_whole_json_placeholder(const char *inner, size_t length)
{
    size_t suffix = strlen(JSON_SUFFIX "}");
    return length > 2 + suffix && inner[0] == '$' && inner[1] == '{' &&
           memchr(inner, '}', length) == inner + length - 1 &&
           memcmp(inner + length - suffix, JSON_SUFFIX "}", suffix) == 0;
}

static int compile_json_string(struct compiler *compiler, const char *token, size_t length,
                               bool is_key)
{
    const char *inner = token + 1;
    size_t inner_length = length - 2;
    if (!is_key && is_whole_json_placeholder(inner, inner_length))
        return add_placeholder(compiler, inner + 2, inner_length - 3, true);
    if (add_literal(compiler, "\"", 1) < 0 || compile_text(compiler, inner, inner_length) < 0)
        return -1;
    return add_literal(compiler, "\"", 1);
}

static int compile_json(struct compiler *compiler, const char *text, size_t length)
{
    json_error_t problem;
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
    if (!value)
        return error_set(compiler->error, ERROR_USAGE, "not JSON: %s", problem.text);
    json_decref(value);
    for (size_t i = 0; i < length;) {
        if (text[i] != '"') {
            if (add_literal(compiler, text + i++, 1) < 0)
                return -1;
            continue;
        }
        size_t end = i + 1;
        while (text[end] != '"')
            end += text[end] == '\\' ? 2 : 1;
        end++;
        size_t next = end + strspn(text + end, " \t\r\n");
        if (compile_json_string(compiler, text + i, end - i, text[next] == ':') < 0)
            return -1;
        i = end;
    }
    return 0;
}
