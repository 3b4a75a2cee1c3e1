/* JSON Schema (draft 2020-12, draft-07): compiled once, then validated against or generated from.
 * $ref reaches $defs, definitions, $anchor and $id inside the same document, never a network: an
 * outer reference is an error. Bounded in depth and in the number of subschemas. Regular
 * expressions are ECMA-262 read by PCRE2. `format` is asserted for the formats the generator makes.
 */
#ifndef CICADA_MCP_SCHEMA_H
#define CICADA_MCP_SCHEMA_H

#include "base/error.h"
#include "base/random.h"

#include <jansson.h>
#include <stdbool.h>

struct schema; /* immutable once compiled: threads may share it */

/* `document` is copied. -1/NULL with the JSON Pointer of the offending place in the error. */
struct schema *schema_compile(const json_t *document, struct error *error);
void schema_free(struct schema *schema);

/* True when `instance` is valid; else fills `problem` (size bytes) with "at /path: what". */
bool schema_validate(const struct schema *schema, const json_t *instance, char *problem,
                     size_t size);

enum schema_generate_style {
    SCHEMA_GENERATE_SIMPLE, /* required properties, and optional ones that carry an example or
                               default */
    SCHEMA_GENERATE_VARIED  /* optional properties come and go, ranges are explored */
};
/* A new value that validates against the schema (checked before it is returned), the same for the
 * same random state. NULL with an error when none was found ("at /properties/x: pattern ..."). */
json_t *schema_generate(const struct schema *schema, struct random *random,
                        enum schema_generate_style style, struct error *error);

#endif
