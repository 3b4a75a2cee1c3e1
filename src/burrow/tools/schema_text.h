/* The frames that every tool's schemas have. */
#ifndef BURROW_TOOLS_SCHEMA_TEXT_H
#define BURROW_TOOLS_SCHEMA_TEXT_H

#include "burrow/tools/json_text.h"

/* Members, names of the required ones (quoted, with commas), and examples (with commas). */
#define INPUT_SCHEMA(properties, required, examples)                                               \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" properties         \
    "}, \"required\": [" required "], \"examples\": [" examples "]}"
#define OUTPUT_SCHEMA(properties, required)                                                        \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}"

#endif
