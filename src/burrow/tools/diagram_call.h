/* What the three groups of diagram tools share: reading a diagram from an argument, writing it as
 * Mermaid, drawing it through the cache. */
#ifndef BURROW_TOOLS_DIAGRAM_CALL_H
#define BURROW_TOOLS_DIAGRAM_CALL_H

#include "burrow/diagram/diagram.h"
#include "burrow/tools/tool.h"

/* The diagram of a text argument; NULL after failing the call, with the place of the first error.
 */
struct diagram *diagram_argument(struct tool_call *call, const char *name);
/* The diagram of a text that is called `name` in errors. */
struct diagram *diagram_of_text(struct tool_call *call, const char *name, const char *text);
/* As Mermaid, allocated; NULL after failing the call. */
char *diagram_text(struct tool_call *call, const struct diagram *diagram, bool dense);
/* Give {"mermaid", "type", "nodes", "edges"} of it, and free it. */
int diagram_answer(struct tool_call *call, struct diagram *diagram);
/* A hash (FNV-1a, 64 bits) of its dense form: equal for texts that differ only in layout. */
uint64_t diagram_hash(const struct diagram *diagram);
json_t *diagram_measures_json(const struct diagram_measures *measures);
/* Errors as [{"line", "column", "text"}]. */
json_t *diagram_errors_json(const struct diagram_errors *errors);
/* Words by which a diagram is found: its title and labels, once each. Allocated. */
char *diagram_words(const struct diagram *diagram);

/* clang-format off */
#define DIAGRAM_ARGUMENT(name, what) "\"" name "\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 131072, \"description\": \"" what "\"}"
#define DIAGRAM_ANSWER "\"mermaid\": {\"type\": \"string\"}, \"type\": {\"type\": \"string\"}, \"nodes\": {\"type\": \"integer\"}, \"edges\": {\"type\": \"integer\"}"
#define DIAGRAM_ANSWER_NAMES "\"mermaid\", \"type\", \"nodes\", \"edges\""
#define DIAGRAM_INTEGER(name) "\"" name "\": {\"type\": \"integer\"}"
#define DIAGRAM_STRING(name) "\"" name "\": {\"type\": \"string\"}"
#define DIAGRAM_NUMBER(name) "\"" name "\": {\"type\": [\"number\", \"null\"]}"
#define DIAGRAM_NAMES(name) "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
#define DIAGRAM_OBJECTS(name, properties, required) \
    "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}}"
#define DIAGRAM_ERRORS DIAGRAM_OBJECTS("errors", DIAGRAM_INTEGER("line") "," DIAGRAM_INTEGER("column") "," DIAGRAM_STRING("text"), "\"line\", \"column\", \"text\"")
#define DIAGRAM_MEASURES "\"measures\": {\"type\": \"object\", \"properties\": {" DIAGRAM_INTEGER("nodes") "," DIAGRAM_INTEGER("edges") "," DIAGRAM_INTEGER("depth") "," \
    DIAGRAM_INTEGER("cycles") "," DIAGRAM_INTEGER("components") "," DIAGRAM_INTEGER("isolated_nodes") "," DIAGRAM_INTEGER("max_in_degree") "," DIAGRAM_INTEGER("max_out_degree") "," \
    DIAGRAM_INTEGER("independent_cycles") "," DIAGRAM_INTEGER("label_bytes") "," DIAGRAM_INTEGER("longest_label") "," DIAGRAM_NUMBER("density") "}, \"required\": [\"nodes\", \"edges\", \"depth\", \"cycles\", \"density\"]}"
/* clang-format on */

#endif
