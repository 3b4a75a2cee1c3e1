/* What the compiler of templates makes and the renderer walks: literal bytes and placeholders in
 * order. */
#ifndef CICADA_BASE_TEMPLATE_INTERNAL_H
#define CICADA_BASE_TEMPLATE_INTERNAL_H

#include "base/template.h"

enum segment_kind {
    SEGMENT_LITERAL,
    SEGMENT_USER,
    SEGMENT_ITERATION,
    SEGMENT_UUID,
    SEGMENT_NOW,
    SEGMENT_RANDOM,
    SEGMENT_DATA,
    SEGMENT_CAPTURE
};

struct segment {
    enum segment_kind kind;
    bool as_json; /* stands for a whole JSON value, not for the inside of a string */
    char *text;   /* of a literal, or the name of a column or capture */
    size_t length;
    int64_t low, high; /* of random() */
};

struct text_template {
    bool is_json;
    struct segment *segments;
    size_t segment_count;
};

#endif
