/* The parts of the group analysis_intelligence that are files of their own. */
#ifndef BURROW_TOOLS_DIAGRAM_ANALYSIS_H
#define BURROW_TOOLS_DIAGRAM_ANALYSIS_H

#include "burrow/tools/diagram_call.h"

/* Edges into each node and out of it; both have room for all nodes, and begin as zeros. */
void diagram_count_degrees(const struct diagram *diagram, size_t *in, size_t *out);

/* Tools: each answers a call, as tool.h says. */
int diagram_benchmark(struct tool_call *call);
int diagram_predict(struct tool_call *call);
int diagram_export(struct tool_call *call);
int diagram_suggest(struct tool_call *call);

#endif
