/* The one table of tools. */
#include "burrow/tools/groups.h"

const struct tool_group *const tool_groups[] = {
    NULL,
};
