/* Python: what belongs to a definition is what is indented more than it. */
#include "burrow/code/source_shape.h"

#include <string.h>

#define DEEPEST 64

struct definition {
    size_t column, body;
    struct source_span name;
    bool is_class;
    size_t place; /* in the list of the shape */
};

struct reading {
    struct source *source;
    struct source_shape *shape;
    struct definition open[DEEPEST];
    size_t depth;
};

static void close_down_to(struct reading *reading, size_t column, size_t end)
{
    while (reading->depth > 0 && reading->open[reading->depth - 1].column >= column) {
        const struct definition *done = &reading->open[--reading->depth];
        size_t last = source_skip_space_back(reading->source, end);
        last = last > done->body ? last : done->body;
        if (done->is_class)
            reading->shape->classes[done->place].body.end = last;
        else
            reading->shape->functions[done->place].body.end = last;
    }
}

/* After the colon that ends the header; parentheses and what they hold are passed over. */
static size_t header_end(const struct source *source, size_t at)
{
    size_t depth = 0;
    for (; at < source->length; at++) {
        char c = source->code[at];
        depth += c == '(' || c == '[' || c == '{';
        depth -= depth && (c == ')' || c == ']' || c == '}');
        if (depth == 0 && c == ':')
            return at + 1;
        if (depth == 0 && c == '\n')
            return 0;
    }
    return 0;
}

static int open_definition(struct reading *reading, size_t column, size_t start, size_t name,
                           bool is_class)
{
    struct source *source = reading->source;
    size_t name_end = source_word_end(source, name), header = header_end(source, name_end);
    size_t open = source_skip_space(source, name_end);
    struct source_span inside = {name_end, name_end};
    int failed = 0;
    if (name_end == name || header == 0 || reading->depth == DEEPEST)
        return 0;
    if (source->code[open] == '(')
        inside = (struct source_span){open + 1, source_close_of(source, open)};
    if (inside.end > header)
        inside.end = inside.start;
    struct definition *made = &reading->open[reading->depth];
    *made = (struct definition){column, header, {name, name_end}, is_class, 0};
    if (is_class) {
        struct source_class found = {
            {name, name_end}, inside, {header, source->length}, "class", start};
        made->place = reading->shape->class_count;
        failed = source_shape_add_class(reading->shape, &found);
    } else {
        const struct definition *outer = reading->depth ? made - 1 : NULL;
        struct source_function function = {
            {name, name_end}, {0, 0}, {start, header - 1}, inside, {header, source->length}};
        if (outer && outer->is_class)
            function.owner = outer->name;
        made->place = reading->shape->function_count;
        failed = source_shape_add_function(reading->shape, &function);
    }
    reading->depth++;
    return failed;
}

static size_t after_word(const struct source *source, size_t at, const char *word)
{
    size_t end = source_word_end(source, at);
    return source_span_is(source, at, end, word) ? end + strspn(source->code + end, " \t") : 0;
}

static int read_line(struct reading *reading, size_t start)
{
    struct source *source = reading->source;
    size_t column = strspn(source->code + start, " \t"), at = start + column, name, from;
    if (strchr("\r\n", source->code[at]) || strchr(")]}", source->code[at]))
        return 0; /* an empty line, or the end of what began on a line before */
    close_down_to(reading, column, start);
    from = after_word(source, at, "async");
    if ((name = after_word(source, from ? from : at, "def")))
        return open_definition(reading, column, at, name, false);
    if ((name = after_word(source, at, "class")))
        return open_definition(reading, column, at, name, true);
    return 0;
}

int source_shape_python(struct source *source, struct source_shape *shape)
{
    struct reading reading = {.source = source, .shape = shape};
    size_t depth = 0;
    for (size_t i = 0; i < source->line_count; i++) {
        size_t start = source->lines[i],
               end = i + 1 < source->line_count ? source->lines[i + 1] : source->length;
        if (depth == 0 && start < source->length && read_line(&reading, start) < 0)
            return -1;
        for (size_t at = start; at < end; at++) { /* lines within parentheses have no indentation */
            depth += strchr("([{", source->code[at]) != NULL;
            depth -= depth && strchr(")]}", source->code[at]);
        }
    }
    close_down_to(&reading, 0, source->length);
    return 0;
}
