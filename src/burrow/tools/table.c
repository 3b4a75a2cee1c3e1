/* The one table of tools. */
#include "burrow/tools/groups.h"

/* clang-format off: a line each */
const struct tool_group *const tool_groups[] = {
    &tools_core_memory,        &tools_core_graph,
    &tools_advanced_ml,        &tools_taskmaster,
    &tools_code_patterns,      &tools_chat_continuity,
    &tools_analytics,          &tools_knowledge_graph,
    &tools_performance,        &tools_orchestration,
    &tools_diagram_generation, &tools_diagram_templates,
    &tools_diagram_analysis,   NULL,
};
/* clang-format on */
