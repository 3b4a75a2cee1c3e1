/* How functions and classes are found in a source text; between the files of this folder. */
#ifndef BURROW_CODE_SOURCE_SHAPE_H
#define BURROW_CODE_SOURCE_SHAPE_H

#include "burrow/code/source.h"

struct source_span {
    size_t start, end;
};

struct source_function {
    struct source_span name, owner; /* owner is empty when it stands alone */
    struct source_span signature;
    struct source_span parameters; /* what is between the parentheses */
    struct source_span body;
};

struct source_class {
    struct source_span name, bases, body; /* bases: the text that names them, with separators */
    const char *kind;
    size_t start;
};

struct source_shape {
    struct source_function *functions;
    size_t function_count, function_room;
    struct source_class *classes;
    size_t class_count, class_room;
};

/* Both, in the order of the text; -1: no memory. */
int source_shape_read(struct source *source, struct source_shape *shape);
void source_shape_free(struct source_shape *shape);

int source_shape_python(struct source *source, struct source_shape *shape);
int source_shape_braced(struct source *source, struct source_shape *shape);
int source_shape_add_function(struct source_shape *shape, const struct source_function *function);
int source_shape_add_class(struct source_shape *shape, const struct source_class *found);

/* Lexical steps over source->code. */
size_t source_word_end(const struct source *source, size_t at);
size_t source_word_start(const struct source *source, size_t end); /* of the word that ends there */
size_t source_skip_space(const struct source *source, size_t at);
size_t source_skip_space_back(const struct source *source, size_t end);
/* Of a parenthesis, its partner; the length (or 0 going back) when there is none within 4,000
 * bytes. */
size_t source_close_of(const struct source *source, size_t open);
size_t source_open_of(const struct source *source, size_t close);
bool source_span_is(const struct source *source, size_t start, size_t end, const char *text);

#endif
