/* An ECMA-262 regular expression as a tree: read once, then written anew for PCRE2 (whose dialect
 * differs in `$`, `.`, `\s`, `\u` and classes) and walked to make strings that match. */
#ifndef CICADA_MCP_SCHEMA_REGEX_H
#define CICADA_MCP_SCHEMA_REGEX_H

#include "mcp/schema_internal.h"

#define REGEX_UNBOUNDED  UINT32_MAX
#define REGEX_MAX_DEPTH  100
#define REGEX_MAX_PIECES 20000

enum regex_kind {
    REGEX_EMPTY,
    REGEX_SET, /* one code point out of `ranges`, and out of `properties` */
    REGEX_CONCATENATION,
    REGEX_ALTERNATION,
    REGEX_REPEAT, /* of its one child */
    REGEX_GROUP,  /* capturing when `group` is not 0 */
    REGEX_START,
    REGEX_END,
    REGEX_WORD_BOUNDARY,
    REGEX_NOT_WORD_BOUNDARY,
    REGEX_LOOK, /* around: `behind`, `negated` */
    REGEX_BACKREFERENCE
};

struct regex_range {
    uint32_t low, high; /* inclusive */
};

struct regex {
    enum regex_kind kind;
    struct regex *child, *next; /* first child; next of the same parent */
    uint32_t minimum, maximum;  /* of a repeat; maximum may be REGEX_UNBOUNDED */
    bool lazy, behind, negated;
    unsigned group;
    struct regex_range *ranges; /* sorted, apart, negation already applied unless `properties` */
    size_t range_count;
    const char *properties;   /* "\p{L}\P{Nd}" as PCRE2 spells them, or NULL */
    size_t shortest, longest; /* code points; longest SCHEMA_NO_LIMIT when unbounded */
};

struct regex_program {
    struct schema_arena arena;
    struct regex *root;
    bool caseless, multiline, dot_all; /* (?i), (?m), (?s) at the very start */
};

#define REGEX_MAX_CODE_POINT 0x10ffffu

struct regex_set_builder {      /* what one class holds, while it is read; zero to begin with */
    struct regex_range *ranges; /* malloc'ed: whoever finishes the set frees it */
    size_t count, capacity;
    struct buffer properties; /* "\p{L}..." */
    bool failed;              /* out of memory */
};

void regex_set_add(struct regex_set_builder *set, uint32_t low, uint32_t high);
void regex_set_add_shorthand(struct regex_set_builder *set, char letter); /* one of dDwWsS */
void regex_set_join(struct regex_set_builder *set);       /* sort; afterwards no two ranges touch */
void regex_set_complement(struct regex_set_builder *set); /* of joined ranges */
/* ECMA-262 spells out names that PCRE2 knows by their abbreviation only; NULL for others. */
const char *regex_category_abbreviation(const char *name, size_t length);

/* Parse. -1 with a reason when the text is no ECMA-262 expression this reader knows. */
int regex_parse(struct regex_program *program, const char *text, char *problem, size_t size);
/* Write it for PCRE2 (UTF mode). */
int regex_write(const struct regex_program *program, struct buffer *output);
/* Append one set in PCRE2 syntax. */
int regex_write_set(const struct regex *set, struct buffer *output);

#endif
