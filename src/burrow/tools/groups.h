/* The groups of tools, a file each. */
#ifndef BURROW_TOOLS_GROUPS_H
#define BURROW_TOOLS_GROUPS_H

#include "burrow/tools/tool.h"

extern const struct tool_group tools_core_memory;
extern const struct tool_group tools_core_graph; /* the entities of core_memory */
extern const struct tool_group tools_advanced_ml;
extern const struct tool_group tools_taskmaster;
extern const struct tool_group tools_code_patterns;
extern const struct tool_group tools_chat_continuity;
extern const struct tool_group tools_analytics;
extern const struct tool_group tools_knowledge_graph;
extern const struct tool_group tools_performance;
extern const struct tool_group tools_orchestration;
extern const struct tool_group tools_diagram_generation;
extern const struct tool_group tools_diagram_templates;
extern const struct tool_group tools_diagram_analysis;

#endif
