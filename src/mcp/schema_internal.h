/* What the parts of the schema engine share: the compiled form, the regular expressions, the
 * formats and exact arithmetic on JSON numbers. Nothing outside src/mcp/schema*.c includes this. */
#ifndef CICADA_MCP_SCHEMA_INTERNAL_H
#define CICADA_MCP_SCHEMA_INTERNAL_H

#include "base/buffer.h"
#include "mcp/schema.h"

#include <stddef.h>
#include <stdint.h>

/* ---- limits: a schema or an instance comes from a stranger
 * --------------------------------------- */

#define SCHEMA_MAX_DEPTH        256   /* nesting of a schema document */
#define SCHEMA_MAX_NODES        20000 /* compiled subschemas */
#define SCHEMA_MAX_ARENA        ((size_t)64 << 20)
#define SCHEMA_MAX_IN_PLACE     128  /* chain of $ref, allOf, ... over one and the same value */
#define SCHEMA_MAX_FRAMES       1000 /* recursion of the validator */
#define SCHEMA_VALIDATION_STEPS 2000000
#define SCHEMA_MAX_PATTERN      16384 /* bytes of a regular expression */
#define SCHEMA_MAX_STRING       65536 /* code points the generator makes in one string */
#define SCHEMA_MAX_ITEMS        10000 /* items the generator makes in one array, members in one object */

/* ---- memory that lives and dies together --------------------------------------------------------
 */

struct schema_arena {
    struct schema_arena_block *blocks;
    size_t used; /* bytes handed out, bounded by SCHEMA_MAX_ARENA */
};

void *schema_arena_take(struct schema_arena *arena, size_t size); /* zeroed; NULL when it is full */
char *schema_arena_copy(struct schema_arena *arena, const char *text, size_t length);
void schema_arena_free(struct schema_arena *arena);

/* ---- types of values
 * ------------------------------------------------------------------------------ */

/* A number is either integral (1, 1.0) or not, so that a set of types has a complement. */
enum schema_type {
    SCHEMA_NULL = 1,
    SCHEMA_BOOLEAN = 2,
    SCHEMA_INTEGER = 4,  /* a number without a fraction */
    SCHEMA_FRACTION = 8, /* a number with one */
    SCHEMA_STRING = 16,
    SCHEMA_ARRAY = 32,
    SCHEMA_OBJECT = 64,
    SCHEMA_NUMBER = SCHEMA_INTEGER | SCHEMA_FRACTION,
    SCHEMA_ANY = 127
};

unsigned schema_type_of(const json_t *value);
const char *schema_type_name(unsigned type); /* "number" for either kind of number */

/* ---- exact arithmetic and equality (schema_number.c, schema_value.c)
 * ------------------------------- */

int schema_number_compare(const json_t *left, const json_t *right); /* <0, 0, >0 */
bool schema_number_is_integral(const json_t *number);
bool schema_number_is_multiple(const json_t *number, const json_t *divisor);
/* The nearest int64 not below (ceil) or not above (floor); saturates. */
int64_t schema_number_ceil(const json_t *number);
int64_t schema_number_floor(const json_t *number);

bool schema_equal(const json_t *left,
                  const json_t *right); /* 1 equals 1.0; order of members is nothing */
bool schema_array_contains(const json_t *array, const json_t *value);
/* True when no two items are equal; else their indexes. */
bool schema_items_unique(const json_t *array, size_t *first, size_t *second);
size_t schema_string_length(const json_t *string); /* in code points */
size_t schema_utf8_length(const char *bytes, size_t length);
size_t schema_utf8_encode(uint32_t code_point, char bytes[4]);

/* ---- regular expressions (schema_regex.c, schema_pattern.c, schema_pattern_generate.c)
 * --------------- */

struct schema_pattern;

enum schema_match { SCHEMA_MATCH_NO, SCHEMA_MATCH_YES, SCHEMA_MATCH_TOO_HARD };

/* Reads ECMA-262; NULL with a reason in `problem`. */
struct schema_pattern *schema_pattern_compile(const char *text, char *problem, size_t size);
void schema_pattern_free(struct schema_pattern *pattern);
const char *schema_pattern_text(const struct schema_pattern *pattern);
/* Takes its cost from *steps. */
enum schema_match schema_pattern_match(const struct schema_pattern *pattern, const char *bytes,
                                       size_t length, size_t *steps);
/* Append a string the pattern most probably matches (lookarounds are guessed: match to be sure), of
 * a length in [min_length, max_length] when the pattern allows. -1 when it cannot be made. */
int schema_pattern_generate(const struct schema_pattern *pattern, struct random *random,
                            size_t min_length, size_t max_length, struct buffer *output);

/* Whether a match may have anything before it, and behind it. */
void schema_pattern_open_ends(const struct schema_pattern *pattern, bool *before, bool *behind);

/* ---- formats (schema_format.c, schema_format_generate.c)
 * -------------------------------------------- */

struct schema_format {
    const char *name;
    bool (*check)(const char *text, size_t length); /* NULL: not asserted */
    /* Append one; about `length` code points long when that is not 0 and the format can stretch. */
    int (*make)(struct random *random, size_t length, struct buffer *output);
    bool is_numeric; /* then low and high bound a number */
    bool is_integral;
    double low, high;
};

const struct schema_format *schema_format_find(const char *name); /* NULL when unknown */
const struct schema_format *schema_formats(size_t *count);

bool schema_format_date(const char *text, size_t length);
bool schema_format_time(const char *text, size_t length);
bool schema_format_date_time(const char *text, size_t length);
bool schema_format_duration(const char *text, size_t length);
bool schema_format_email(const char *text, size_t length);
bool schema_format_hostname(const char *text, size_t length);
bool schema_format_ipv4(const char *text, size_t length);
bool schema_format_ipv6(const char *text, size_t length);
bool schema_format_uri(const char *text, size_t length);
bool schema_format_uri_reference(const char *text, size_t length);
bool schema_format_uri_template(const char *text, size_t length);
bool schema_format_iri(const char *text, size_t length);
bool schema_format_iri_reference(const char *text, size_t length);
bool schema_format_uuid(const char *text, size_t length);
bool schema_format_json_pointer(const char *text, size_t length);
bool schema_format_json_pointer_fragment(const char *text, size_t length);
bool schema_format_relative_json_pointer(const char *text, size_t length);
bool schema_format_regex(const char *text, size_t length);
bool schema_format_byte(const char *text, size_t length);

int schema_make_date(struct random *random, size_t length, struct buffer *output);
int schema_make_time(struct random *random, size_t length, struct buffer *output);
int schema_make_date_time(struct random *random, size_t length, struct buffer *output);
int schema_make_duration(struct random *random, size_t length, struct buffer *output);
int schema_make_email(struct random *random, size_t length, struct buffer *output);
int schema_make_hostname(struct random *random, size_t length, struct buffer *output);
int schema_make_ipv4(struct random *random, size_t length, struct buffer *output);
int schema_make_ipv6(struct random *random, size_t length, struct buffer *output);
int schema_make_uri(struct random *random, size_t length, struct buffer *output);
int schema_make_uri_reference(struct random *random, size_t length, struct buffer *output);
int schema_make_uri_template(struct random *random, size_t length, struct buffer *output);
int schema_make_uuid(struct random *random, size_t length, struct buffer *output);
int schema_make_json_pointer(struct random *random, size_t length, struct buffer *output);
int schema_make_json_pointer_fragment(struct random *random, size_t length, struct buffer *output);
int schema_make_relative_json_pointer(struct random *random, size_t length, struct buffer *output);
int schema_make_regex(struct random *random, size_t length, struct buffer *output);
int schema_make_byte(struct random *random, size_t length, struct buffer *output);
int schema_make_base64url(struct random *random, size_t length, struct buffer *output);
int schema_make_phone(struct random *random, size_t length, struct buffer *output);

/* ---- the compiled form
 * ------------------------------------------------------------------------------ */

enum schema_dialect { SCHEMA_DRAFT_07, SCHEMA_DRAFT_2019_09, SCHEMA_DRAFT_2020_12 };

enum schema_node_kind { SCHEMA_NODE_KEYWORDS, SCHEMA_NODE_TRUE, SCHEMA_NODE_FALSE };

struct schema_node_list {
    struct schema_node **items;
    size_t count;
};

struct schema_member { /* a subschema under a name */
    const char *name;
    struct schema_node *node;
    struct schema_pattern *pattern; /* of patternProperties, else NULL */
};

struct schema_member_list {
    struct schema_member *items;
    size_t count;
};

#define SCHEMA_NO_LIMIT SIZE_MAX
#define SCHEMA_INFINITE UINT32_MAX

/* One subschema. JSON it points to belongs to the schema's copy of the document. Many schemas are
 * seldom all in the processor's cache: what most values are checked against stands together, first
 * what any is, then what an object is. */
struct schema_node {
    enum schema_node_kind kind;
    unsigned types;  /* SCHEMA_ANY when there is no `type` */
    uint32_t height; /* of the lowest value: 0 for a scalar; SCHEMA_INFINITE: there is none */
    bool is_plain;   /* as most: no subschema over the same value, nothing unevaluated, no names
                        that depend on others */
    bool has_type, unique_items;
    bool contains_evaluates;              /* 2020-12: what `contains` matches is evaluated */
    const json_t *enumeration, *constant; /* NULL when absent */
    size_t min_length, max_length;
    struct schema_pattern *pattern;
    const struct schema_format *format;

    const json_t *required;                   /* array of strings */
    struct schema_member_list properties;     /* in the document's order */
    struct schema_member *properties_by_name; /* the same, sorted */
    struct schema_member_list pattern_properties;
    struct schema_node *additional_properties, *property_names;
    size_t min_properties, max_properties;

    const json_t *minimum, *maximum, *exclusive_minimum, *exclusive_maximum, *multiple_of;

    struct schema_node *items, *contains;
    struct schema_node_list prefix_items;
    size_t min_items, max_items, min_contains, max_contains;

    struct schema_node *unevaluated_properties, *unevaluated_items;
    const json_t *dependent_required; /* object of arrays of strings */
    const json_t *dependencies;       /* draft-07; only its arrays are read here */
    struct schema_member_list dependent_schemas;
    struct schema_node *reference, *dynamic_reference;
    struct schema_node_list all_of, any_of, one_of;
    struct schema_node *negation, *condition, *consequence, *alternative;

    const char *pointer; /* where it stands in the document */
    const json_t *source;
    const json_t *fallback, *examples; /* `default`; `examples` */
    const json_t *example;             /* OpenAPI's `example` */
    uint32_t in_place; /* longest chain of subschemas over the same value; 0: not known yet */
    bool visiting;     /* of the search for such chains that never end */
    struct schema_node *next_in_bucket;
};

struct schema {
    json_t *document;
    struct schema_node *root;
    struct schema_arena arena;
    struct schema_node **nodes;
    size_t node_count;
    struct schema_pattern **patterns;
    size_t pattern_count, pattern_capacity;
};

/* The node of a property by its name, NULL when `properties` has none. */
const struct schema_node *schema_property(const struct schema_node *node, const char *name);

/* ---- compiling (schema_compile.c, schema_keywords.c, schema_reference.c)
 * ------------------------------ */

/* A part of the document that has an identity of its own: the root, and every subschema with $id.
 */
struct schema_resource {
    const char *uri; /* absolute if anything is; without a fragment; "" for a root without $id */
    const json_t *root;
    const char *pointer;
    enum schema_dialect dialect;
    struct schema_resource *next;
};

struct schema_anchor {
    const struct schema_resource *resource;
    const char *name;
    const json_t *target;
    const char *pointer;
    struct schema_anchor *next;
};

#define SCHEMA_BUCKETS 1024

/* While compiling: what is known of the document, and the nodes made so far by place. */
struct schema_compiler {
    struct schema *schema;
    struct error *error;
    struct schema_resource *resources; /* the root's is last */
    const struct schema_resource *root_resource;
    struct schema_anchor *anchors;
    struct schema_node *buckets[SCHEMA_BUCKETS];
    const struct schema_resource **node_resources; /* parallel to schema->nodes */
    size_t node_capacity;
};

/* What a keyword holds, as far as subschemas go. */
enum schema_keyword_shape {
    SCHEMA_SHAPE_ONE = 1, /* a subschema */
    SCHEMA_SHAPE_LIST,    /* an array of them */
    SCHEMA_SHAPE_EITHER,  /* `items` before 2020-12: one or an array */
    SCHEMA_SHAPE_MAP      /* an object of them (`dependencies` also holds arrays) */
};

/* 0 when `keyword` holds no subschema. */
enum schema_keyword_shape schema_keyword_shape(const char *keyword);

/* Find $id and $anchor in the whole document. */
int schema_index_document(struct schema_compiler *compiler);
/* The subschema that `reference` names, seen from `resource`. NULL with an error. */
struct schema_node *schema_resolve(struct schema_compiler *compiler,
                                   const struct schema_resource *resource, const char *reference,
                                   const char *pointer);
/* The node for the subschema `source`, made when new, and then to be filled. */
struct schema_node *schema_node_for(struct schema_compiler *compiler, const json_t *source,
                                    const struct schema_resource *resource, const char *pointer);
/* Read the keywords of node->source. */
int schema_read_keywords(struct schema_compiler *compiler, struct schema_node *node,
                         const struct schema_resource *resource);
int schema_compile_error(struct schema_compiler *compiler, const char *pointer, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));
/* "/a/b" and "c/d" give "/a/b/c~1d". */
const char *schema_pointer_join(struct schema_arena *arena, const char *pointer, const char *token);
const struct schema_resource *schema_resource_of(const struct schema_compiler *compiler,
                                                 const json_t *root);
/* Lowest height of every node, and the check that no chain over one value is endless. */
int schema_measure(struct schema_compiler *compiler);

/* ---- validating
 * ------------------------------------------------------------------------------------- */

/* As schema_validate, against one subschema and within *steps of work, which it uses up. */
bool schema_node_validate(const struct schema_node *node, const json_t *instance, size_t *steps,
                          char *problem, size_t size);

#endif
