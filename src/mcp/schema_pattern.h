/* What schema_pattern.c and schema_pattern_generate.c share. */
#ifndef CICADA_MCP_SCHEMA_PATTERN_H
#define CICADA_MCP_SCHEMA_PATTERN_H

#include "mcp/schema_regex.h"

struct schema_pattern {
    char *text;
    bool readable; /* program.root is there: strings can be made */
    struct regex_program program;
    struct pcre2_real_code_8 *code;
};

#endif
