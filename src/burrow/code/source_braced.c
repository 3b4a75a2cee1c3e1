/* C, JavaScript, Go and Java: what stands before an opening brace says what it opens. */
#include "burrow/code/source_shape.h"

#include <ctype.h>
#include <string.h>

#define HEADER_LIMIT 2000 /* bytes before a brace that can belong to it */

/* ---- what stands before a brace ------------------------------------------------------------- */

/* Where the statement that ends at `end` begins: after `;`, a brace, or a directive's line. */
static size_t statement_start(const struct source *source, size_t end)
{
    size_t at = end, depth = 0;
    while (at > 0 && end - at < HEADER_LIMIT) {
        char c = source->code[at - 1];
        depth += c == ')';
        depth -= depth && c == '(';
        if (depth == 0 && (c == ';' || c == '{' || c == '}'))
            break;
        at--;
    }
    at = source_skip_space(source, at);
    while (at < end && source->code[at] == '#') { /* directives end with their line */
        const char *line = memchr(source->code + at, '\n', end - at);
        if (!line)
            return end;
        at = source_skip_space(source, (size_t)(line - source->code));
    }
    return at;
}

static bool word_before_is(const struct source *source, size_t end, const char *word)
{
    size_t last = source_skip_space_back(source, end);
    return source_span_is(source, source_word_start(source, last), last, word);
}

static struct source_span word_before(const struct source *source, size_t end)
{
    size_t last = source_skip_space_back(source, end);
    return (struct source_span){source_word_start(source, last), last};
}

static bool is_control(const struct source *source, struct source_span word)
{
    return source_is_keyword(source->language, source->code + word.start, word.end - word.start);
}

/* ---- classes -------------------------------------------------------------------------------- */

/* The word `wanted` within a span; the end of the span when it is not there. */
static size_t find_word(const struct source *source, size_t start, size_t end, const char *wanted)
{
    for (size_t at = start; at < end;) {
        size_t after = source_word_end(source, at);
        if (after > at && source_span_is(source, at, after, wanted))
            return at;
        at = after > at ? after : at + 1;
    }
    return end;
}

static const char *class_kind(const struct source *source, size_t start, size_t end, size_t *after)
{
    static const char *const c_kinds[] = {"struct", "union", "enum", NULL};
    static const char *const java_kinds[] = {"class", "interface", "enum", "record", NULL};
    static const char *const javascript_kinds[] = {"class", NULL};
    const char *const *kinds = source->language == SOURCE_C      ? c_kinds
                               : source->language == SOURCE_JAVA ? java_kinds
                                                                 : javascript_kinds;
    for (size_t i = 0; kinds[i]; i++) {
        size_t at = find_word(source, start, end, kinds[i]);
        if (at < end) {
            *after = at + strlen(kinds[i]);
            return kinds[i];
        }
    }
    return NULL;
}

/* "type NAME struct {" */
static const char *go_kind(const struct source *source, size_t open, struct source_span *name,
                           size_t *start)
{
    struct source_span kind = word_before(source, open);
    const char *text = source_span_is(source, kind.start, kind.end, "struct")      ? "struct"
                       : source_span_is(source, kind.start, kind.end, "interface") ? "interface"
                                                                                   : NULL;
    if (!text)
        return NULL;
    *name = word_before(source, kind.start);
    if (name->start == name->end || !word_before_is(source, name->start, "type"))
        return NULL;
    *start = word_before(source, name->start).start;
    return text;
}

/* The name of a typedef follows its brace: typedef struct { ... } NAME; */
static struct source_span typedef_name(const struct source *source,
                                       const struct source_block *block)
{
    size_t at = source_skip_space(source, block->close + (block->close < source->length));
    return (struct source_span){at, source_word_end(source, at)};
}

static int read_class(struct source *source, struct source_shape *shape, size_t index)
{
    struct source_block *block = &source->blocks[index];
    struct source_class found = {.body = {block->open + 1, block->close}};
    size_t start = statement_start(source, block->open), after = 0;
    if (source->language == SOURCE_GO)
        found.kind = go_kind(source, block->open, &found.name, &start);
    else {
        found.kind = class_kind(source, start, block->open, &after);
        if (!found.kind)
            return 0;
        size_t at = source_skip_space(source, after), end = source_word_end(source, at);
        size_t rest = source_skip_space(source, end);
        bool brace = rest >= block->open;
        found.name = (struct source_span){at, end};
        if (source->language == SOURCE_C && !brace)
            return 0; /* a function that returns one, or a value of it */
        if (end == at || at >= block->open)
            found.name = typedef_name(source, block);
        if (source->code[rest] == '<') /* of generic types only the name */
            while (rest < block->open && source->code[rest - 1] != '>')
                rest++;
        found.bases = (struct source_span){brace ? end : rest, brace ? end : block->open};
        for (size_t b = found.bases.start; b < found.bases.end; b++)
            if (source->code[b] == '<') /* likewise of bases: "A<B, C>" names A */
                while (b < found.bases.end && source->code[b] != '>')
                    source->code[b++] = ' ';
    }
    if (!found.kind || found.name.start == found.name.end)
        return 0;
    size_t implements = find_word(source, found.bases.start, found.bases.end, "implements");
    if (implements < found.bases.end && implements > found.bases.start)
        source->code[implements - 1] = ','; /* the list goes on after it */
    found.start = start;
    block->is_class = true;
    return source_shape_add_class(shape, &found);
}

/* ---- functions ------------------------------------------------------------------------------ */

static struct source_span class_around(const struct source *source,
                                       const struct source_shape *shape, int block)
{
    for (size_t i = shape->class_count; block >= 0 && i > 0; i--)
        if (shape->classes[i - 1].body.start == source->blocks[block].open + 1)
            return shape->classes[i - 1].name;
    return (struct source_span){0, 0};
}

/* Back over what may stand between the parentheses of a function and its brace. */
static size_t before_brace(const struct source *source, size_t open, size_t start)
{
    size_t at = source_skip_space_back(source, open);
    if (source->language != SOURCE_JAVA || (at > 0 && source->code[at - 1] == ')'))
        return at;
    size_t throws = find_word(source, start, at, "throws");
    return throws < at ? source_skip_space_back(source, throws) : at;
}

/* C and Java: TYPE NAME(PARAMETERS) { */
static bool read_typed(const struct source *source, size_t open, size_t start, bool inside_class,
                       struct source_function *function)
{
    size_t close = before_brace(source, open, start);
    if (close == 0 || source->code[close - 1] != ')')
        return false;
    size_t parameters = source_open_of(source, close - 1);
    struct source_span name = word_before(source, parameters);
    if (parameters <= start || name.start == name.end || name.start < start ||
        is_control(source, name))
        return false;
    if (name.start == start && !inside_class)
        return false; /* no type before it: a macro, or a call */
    if (name.start > 0 && source->code[name.start - 1] == '.')
        return false;
    if (word_before_is(source, name.start, "new") || word_before_is(source, name.start, "return"))
        return false;
    for (size_t at = start; at < name.start; at++)
        if (source->code[at] == '=')
            return false;
    *function = (struct source_function){name,
                                         {0, 0},
                                         {start, source_skip_space_back(source, open)},
                                         {parameters + 1, close - 1},
                                         {open, open}};
    return true;
}

/* "NAME = async (A) =>", "NAME: function (A)": the name that a function without one is given. */
static bool name_of_value(const struct source *source, size_t value, struct source_span *name)
{
    size_t at = source_skip_space_back(source, value);
    if (word_before_is(source, at, "async"))
        at = source_skip_space_back(source, word_before(source, at).start);
    if (at == 0 || (source->code[at - 1] != '=' && source->code[at - 1] != ':'))
        return false;
    *name = word_before(source, at - 1);
    return name->end > name->start && !is_control(source, *name);
}

/* Back from an arrow to the name: "NAME = PARAMETERS =>". */
static bool read_arrow(const struct source *source, size_t arrow, struct source_function *function)
{
    size_t last = source_skip_space_back(source, arrow), from;
    if (last == 0)
        return false;
    if (source->code[last - 1] == ')') {
        from = source_open_of(source, last - 1);
        function->parameters = (struct source_span){from + 1, last - 1};
    } else {
        from = source_word_start(source, last);
        function->parameters = (struct source_span){from, last};
    }
    if (from == 0 || !name_of_value(source, from, &function->name))
        return false;
    function->signature = (struct source_span){function->name.start, arrow + 2};
    return true;
}

static bool read_javascript(const struct source *source, size_t open, bool inside_class,
                            struct source_function *function)
{
    size_t last = source_skip_space_back(source, open);
    if (last >= 2 && memcmp(source->code + last - 2, "=>", 2) == 0)
        return read_arrow(source, last - 2, function);
    if (last == 0 || source->code[last - 1] != ')')
        return false;
    size_t parameters = source_open_of(source, last - 1), start;
    struct source_span name = word_before(source, parameters);
    size_t before = source_skip_space_back(source, name.start);
    before -= before > 0 && source->code[before - 1] == '*'; /* of a generator */
    if (source_span_is(source, name.start, name.end, "function")) {
        start = name.start;
        if (!name_of_value(source, start, &name))
            return false;
    } else if (name.start == name.end || is_control(source, name))
        return false;
    else if (word_before_is(source, before, "function"))
        start = word_before(source, before).start;
    else if (inside_class)
        start = name.start;
    else
        return false;
    if (word_before_is(source, start, "async"))
        start = word_before(source, start).start;
    *function = (struct source_function){
        name, {0, 0}, {start, last}, {parameters + 1, last - 1}, {open, open}};
    return true;
}

static bool read_function(const struct source *source, const struct source_shape *shape,
                          const struct source_block *block, struct source_function *function)
{
    bool inside_class = block->parent >= 0 && source->blocks[block->parent].is_class;
    size_t start = statement_start(source, block->open);
    bool found;
    *function = (struct source_function){.name = {0, 0}};
    if (source->language == SOURCE_JAVASCRIPT)
        found = read_javascript(source, block->open, inside_class, function);
    else
        found =
            (source->language == SOURCE_C ? block->parent < 0 || !inside_class : inside_class) &&
            read_typed(source, block->open, start, inside_class, function);
    if (!found)
        return false;
    if (inside_class)
        function->owner = class_around(source, shape, block->parent);
    function->body =
        (struct source_span){block->open, block->close + (block->close < source->length)};
    return true;
}

/* Go: "func (r *OWNER) NAME(PARAMETERS) RESULTS {", found from its keyword. */
static int read_go_functions(struct source *source, struct source_shape *shape)
{
    size_t block = 0;
    for (size_t at = 0; at < source->length;) {
        size_t end = source_word_end(source, at);
        bool line = at == 0 || source->code[at - 1] == '\n';
        if (!line || !source_span_is(source, at, end, "func")) {
            at = end > at ? end : at + 1;
            continue;
        }
        struct source_function function = {.signature = {at, at}};
        size_t name = source_skip_space(source, end);
        if (source->code[name] == '(') {
            size_t close = source_close_of(source, name), last = close;
            while (last > name && !source_is_word(source->code[last - 1]))
                last--;
            function.owner = (struct source_span){source_word_start(source, last), last};
            name = close < source->length ? source_skip_space(source, close + 1) : close;
        }
        function.name = (struct source_span){name, source_word_end(source, name)};
        size_t open = function.name.end;
        while (open < source->length && source->code[open] != '(' && source->code[open] != '\n')
            open++;
        size_t close = source_close_of(source, open);
        while (block < source->block_count && source->blocks[block].open < close)
            block++;
        at = end;
        if (close >= source->length || block == source->block_count)
            continue;
        const struct source_block *body = &source->blocks[block];
        function.parameters = (struct source_span){open + 1, close};
        function.signature.end = body->open;
        function.body =
            (struct source_span){body->open, body->close + (body->close < source->length)};
        if (function.name.end > function.name.start &&
            source_shape_add_function(shape, &function) < 0)
            return -1;
    }
    return 0;
}

/* Arrow functions whose body is an expression: up to the `;` or line end outside parentheses. */
static int read_expressions(struct source *source, struct source_shape *shape)
{
    for (size_t at = 0; at + 1 < source->length; at++) {
        struct source_function function = {.name = {0, 0}};
        if (memcmp(source->code + at, "=>", 2) != 0)
            continue;
        size_t from = source_skip_space(source, at + 2), end, depth = 0;
        if (source->code[from] == '{' || !read_arrow(source, at, &function))
            continue;
        for (end = from; end < source->length; end++) {
            char c = source->code[end];
            depth += strchr("([{", c) != NULL;
            if (depth == 0 && strchr(")]};,\n", c))
                break;
            depth -= depth && strchr(")]}", c);
        }
        function.body = (struct source_span){from, end};
        if (source_shape_add_function(shape, &function) < 0)
            return -1;
    }
    return 0;
}

static void sort_functions(struct source_shape *shape)
{
    for (size_t i = 1; i < shape->function_count; i++) { /* nearly in order: few moves */
        struct source_function function = shape->functions[i];
        size_t at = i;
        while (at > 0 && shape->functions[at - 1].signature.start > function.signature.start) {
            shape->functions[at] = shape->functions[at - 1];
            at--;
        }
        shape->functions[at] = function;
    }
}

int source_shape_braced(struct source *source, struct source_shape *shape)
{
    for (size_t i = 0; i < source->block_count; i++) {
        struct source_function function;
        if (source->language != SOURCE_GO &&
            read_function(source, shape, &source->blocks[i], &function)) {
            if (source_shape_add_function(shape, &function) < 0)
                return -1;
        } else if (read_class(source, shape, i) < 0)
            return -1;
    }
    if (source->language == SOURCE_GO)
        return read_go_functions(source, shape);
    if (source->language == SOURCE_JAVASCRIPT && read_expressions(source, shape) < 0)
        return -1;
    sort_functions(shape);
    return 0;
}
