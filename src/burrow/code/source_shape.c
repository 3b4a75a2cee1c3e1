/* Functions and classes as lists, and the lexical steps that find them. */
#include "burrow/code/source_shape.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PARENTHESES_LIMIT 4000 /* bytes between a parenthesis and its partner */
#define SIGNATURE_LIMIT   500
#define CALLS_LIMIT       200
#define NAMES_LIMIT       500  /* members or bases of a class */
#define FUNCTIONS_LIMIT   2000 /* of a text, and classes */

size_t source_word_end(const struct source *source, size_t at)
{
    while (at < source->length && source_is_word(source->code[at]))
        at++;
    return at;
}

size_t source_word_start(const struct source *source, size_t end)
{
    while (end > 0 && source_is_word(source->code[end - 1]))
        end--;
    return end;
}

size_t source_skip_space(const struct source *source, size_t at)
{
    while (at < source->length && isspace((unsigned char)source->code[at]))
        at++;
    return at;
}

size_t source_skip_space_back(const struct source *source, size_t end)
{
    while (end > 0 && isspace((unsigned char)source->code[end - 1]))
        end--;
    return end;
}

size_t source_close_of(const struct source *source, size_t open)
{
    size_t depth = 0, limit = open + PARENTHESES_LIMIT;
    for (size_t at = open; at < source->length && at < limit; at++) {
        if (source->code[at] == '(')
            depth++;
        else if (source->code[at] == ')' && --depth == 0)
            return at;
    }
    return source->length;
}

size_t source_open_of(const struct source *source, size_t close)
{
    size_t depth = 0;
    for (size_t at = close + 1; at > 0 && close - at + 1 < PARENTHESES_LIMIT; at--) {
        if (source->code[at - 1] == ')')
            depth++;
        else if (source->code[at - 1] == '(' && --depth == 0)
            return at - 1;
    }
    return 0;
}

bool source_span_is(const struct source *source, size_t start, size_t end, const char *text)
{
    size_t length = strlen(text);
    return end - start == length && memcmp(source->code + start, text, length) == 0;
}

static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    size_t more = *room ? *room * 2 : 16;
    void *larger = realloc(items, more * size);
    if (larger)
        *room = more;
    return larger;
}

int source_shape_add_function(struct source_shape *shape, const struct source_function *function)
{
    void *items = grown(shape->functions, shape->function_count, &shape->function_room,
                        sizeof *shape->functions);
    if (!items)
        return -1;
    shape->functions = items;
    shape->functions[shape->function_count++] = *function;
    return 0;
}

int source_shape_add_class(struct source_shape *shape, const struct source_class *found)
{
    void *items =
        grown(shape->classes, shape->class_count, &shape->class_room, sizeof *shape->classes);
    if (!items)
        return -1;
    shape->classes = items;
    shape->classes[shape->class_count++] = *found;
    return 0;
}

int source_shape_read(struct source *source, struct source_shape *shape)
{
    memset(shape, 0, sizeof *shape);
    int result = 0;
    if (source->language == SOURCE_PYTHON)
        result = source_shape_python(source, shape);
    else if (source->language != SOURCE_UNKNOWN)
        result = source_shape_braced(source, shape);
    if (result < 0)
        source_shape_free(shape);
    return result;
}

void source_shape_free(struct source_shape *shape)
{
    free(shape->functions);
    free(shape->classes);
    memset(shape, 0, sizeof *shape);
}

/* ---- as JSON -------------------------------------------------------------------------------- */

/* White space of any kind and length as one space. */
static json_t *flat_text(const struct source *source, struct source_span span)
{
    char text[SIGNATURE_LIMIT];
    size_t length = 0;
    for (size_t at = span.start; at < span.end && length < sizeof text - 1; at++) {
        bool space = isspace((unsigned char)source->text[at]);
        if (!space)
            text[length++] = source->text[at];
        else if (length && text[length - 1] != ' ')
            text[length++] = ' ';
    }
    while (length && text[length - 1] == ' ')
        length--;
    /* a character that the limit cut in two is left out */
    size_t whole = length;
    while (whole && ((unsigned char)text[whole - 1] & 0xC0) == 0x80)
        whole--;
    json_t *made = json_stringn(text, length);
    return made ? made : json_stringn(text, whole ? whole - 1 : 0);
}

static json_t *name_text(const struct source *source, struct source_span span)
{
    return json_stringn(source->text + span.start, span.end - span.start);
}

static json_int_t count_parameters(const struct source *source, struct source_span span)
{
    json_int_t count = 0;
    size_t depth = 0, at = source_skip_space(source, span.start);
    if (at >= span.end || source_span_is(source, at, source_word_end(source, at), "void"))
        return 0;
    for (; at < span.end; at++) {
        char c = source->code[at];
        depth += strchr("([{<", c) != NULL;
        depth -= depth && strchr(")]}>", c);
        count += c == ',' && depth == 0;
    }
    at = source_skip_space_back(source, span.end);
    return count + (source->code[at - 1] != ','); /* a comma at the end begins none */
}

static void add_once(json_t *names, const char *name, size_t length)
{
    size_t index;
    json_t *there;
    json_array_foreach(names, index, there)
    {
        if (json_string_length(there) == length &&
            memcmp(json_string_value(there), name, length) == 0)
            return;
    }
    if (json_array_size(names) < NAMES_LIMIT)
        json_array_append_new(names, json_stringn(name, length));
}

/* Names that parentheses follow. */
static json_t *calls_of(const struct source *source, struct source_span body)
{
    json_t *calls = json_array();
    for (size_t at = body.start; at < body.end && json_array_size(calls) < CALLS_LIMIT;) {
        size_t end = source_word_end(source, at);
        if (end == at) {
            at++;
            continue;
        }
        size_t next = end;
        while (next < body.end && source->code[next] == ' ')
            next++;
        size_t before = source_skip_space_back(source, at);
        size_t word = source_word_start(source, before);
        bool defined = source_span_is(source, word, before, "def") ||
                       source_span_is(source, word, before, "func") ||
                       source_span_is(source, word, before, "function");
        if (next < body.end && source->code[next] == '(' && !defined &&
            !isdigit((unsigned char)source->code[at]) &&
            !source_is_keyword(source->language, source->code + at, end - at))
            add_once(calls, source->text + at, end - at);
        at = end;
    }
    return calls;
}

static json_t *function_json(const struct source *source, const struct source_function *function)
{
    size_t last =
        function->body.end > function->body.start ? function->body.end - 1 : function->body.end;
    return json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "name", name_text(source, function->name),
        "owner", name_text(source, function->owner), "signature",
        flat_text(source, function->signature), "parameters",
        count_parameters(source, function->parameters), "first_line",
        (json_int_t)source_line(source, function->signature.start), "last_line",
        (json_int_t)source_line(source, last), "complexity",
        (json_int_t)source_complexity(source, function->body.start, function->body.end), "calls",
        calls_of(source, function->body));
}

json_t *source_functions(struct source *source)
{
    struct source_shape shape;
    if (source_shape_read(source, &shape) < 0)
        return NULL;
    json_t *functions = json_array();
    for (size_t i = 0; i < shape.function_count && i < FUNCTIONS_LIMIT; i++)
        json_array_append_new(functions, function_json(source, &shape.functions[i]));
    source_shape_free(&shape);
    return functions;
}

/* The names in "A, public B<T>, c.D": the word that each part ends with, before what it is of. */
static json_t *bases_of(const struct source *source, struct source_span span)
{
    json_t *bases = json_array();
    size_t part = span.start;
    for (size_t at = span.start; at <= span.end; at++) {
        char c = at < span.end ? source->code[at] : ',';
        if (c != ',' && c != '\n')
            continue;
        size_t from = source_skip_space(source, part), end = from, word;
        while ((word = source_skip_space(source, end)) < at && source_is_word(source->code[word])) {
            from = word; /* words before it are "public", "extends" */
            end = source_word_end(source, word);
            while (end < at && source->code[end] == '.')
                end = source_word_end(source, end + 1);
        }
        if (end > from && end <= at && source->code[end] != '=')
            add_once(bases, source->text + from, end - from);
        part = at + 1;
    }
    return bases;
}

static bool same_text(const struct source *source, struct source_span one, struct source_span other)
{
    return one.end - one.start == other.end - other.start &&
           memcmp(source->text + one.start, source->text + other.start, one.end - one.start) == 0;
}

/* Attributes of a Python class: what is assigned in its body, and to self in its methods. */
static void add_python_fields(const struct source *source, const struct source_class *found,
                              json_t *members)
{
    size_t column = 0;
    for (size_t line = source_line(source, found->body.start) - 1; line < source->line_count;
         line++) {
        size_t start = source->lines[line];
        if (start >= found->body.end)
            break;
        size_t at = start + strspn(source->code + start, " \t"), end;
        if (start < found->body.start || source->code[at] == '\n' || at >= found->body.end)
            continue;
        column = column ? column : at - start;
        if (strncmp(source->code + at, "self.", 5) == 0)
            at += 5;
        else if (at - start != column)
            continue;
        end = source_word_end(source, at);
        size_t next = end + strspn(source->code + end, " ");
        bool assigned = source->code[next] == '=' && source->code[next + 1] != '=';
        if (end > at && (assigned || source->code[next] == ':') &&
            !source_is_keyword(source->language, source->code + at, end - at))
            add_once(members, source->text + at, end - at);
    }
}

/* Fields of a braced class: the word before `;`, `=`, `,` or a line end of what stands right in
 * it. */
static void add_braced_fields(const struct source *source, const struct source_class *found,
                              json_t *members)
{
    size_t depth = 0, word = 0, word_end = 0;
    bool closed = false, first = true; /* closed: the field of this statement is known */
    for (size_t at = found->body.start; at < found->body.end; at++) {
        char c = source->code[at];
        bool opens = c == '{' || c == '(', closes = c == '}' || c == ')';
        if (depth == 0 && source_is_word(c)) {
            bool go_type = source->language == SOURCE_GO && !first;
            size_t end = source_word_end(source, at);
            if (!go_type) {
                word = at;
                word_end = end;
            }
            first = false;
            at = end - 1;
            continue;
        }
        bool line =
            c == '\n' && (source->language == SOURCE_GO || source->language == SOURCE_JAVASCRIPT);
        bool ends = c == ';' || line || (c == ',' && source->language != SOURCE_JAVA);
        if (depth == 0 && !closed && word_end > word && (ends || c == '=' || opens || c == '[')) {
            if ((c == ';' || c == '=' || c == ',' || c == '[' || line) &&
                !source_is_keyword(source->language, source->code + word, word_end - word) &&
                !isdigit((unsigned char)source->code[word]))
                add_once(members, source->text + word, word_end - word);
            closed = true;
        }
        depth += opens;
        depth -= closes && depth;
        if (depth == 0 && (ends || c == '}')) {
            word = word_end = 0;
            closed = false;
            first = true;
        }
    }
    if (!closed && word_end > word) /* the last of an enum has no comma after it */
        add_once(members, source->text + word, word_end - word);
}

static json_t *class_json(const struct source *source, const struct source_shape *shape,
                          const struct source_class *found)
{
    json_t *members = json_array();
    for (size_t i = 0; i < shape->function_count; i++)
        if (same_text(source, shape->functions[i].owner, found->name))
            add_once(members, source->text + shape->functions[i].name.start,
                     shape->functions[i].name.end - shape->functions[i].name.start);
    if (source->language == SOURCE_PYTHON)
        add_python_fields(source, found, members);
    else
        add_braced_fields(source, found, members);
    size_t last = found->body.end > found->body.start ? found->body.end - 1 : found->body.end;
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I}", "name", name_text(source, found->name),
                     "kind", found->kind, "bases", bases_of(source, found->bases), "members",
                     members, "first_line", (json_int_t)source_line(source, found->start),
                     "last_line", (json_int_t)source_line(source, last));
}

json_t *source_classes(struct source *source)
{
    struct source_shape shape;
    if (source_shape_read(source, &shape) < 0)
        return NULL;
    json_t *classes = json_array();
    for (size_t i = 0; i < shape.class_count && i < FUNCTIONS_LIMIT; i++)
        json_array_append_new(classes, class_json(source, &shape, &shape.classes[i]));
    source_shape_free(&shape);
    return classes;
}
