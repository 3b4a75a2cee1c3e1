/* The one table of tools. */
#include "burrow/tools/groups.h"

const struct tool_group *const tool_groups[] = {
    &tools_core_memory,
    &tools_core_graph,
    &tools_taskmaster,
    NULL,
};
