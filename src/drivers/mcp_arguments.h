/* The params of an operation, one object per argument set: generated from a schema, or as a plan
 * gives them. Internal to the MCP drivers. */
#ifndef CICADA_DRIVERS_MCP_ARGUMENTS_H
#define CICADA_DRIVERS_MCP_ARGUMENTS_H

#include "drivers/mcp_target.h"

/* The method an offer stands for; NULL for a sequence the driver makes itself (session_churn). */
const char *mcp_arguments_method(const struct mcp_target *mcp, const struct offer *offer);

/* A new array of params objects, without _meta: one when the plan gives arguments or the method has
 * none, else up to spec->variants different ones. Reproducible: seeded by the target's seed and the
 * offer's name. NULL with an error. */
json_t *mcp_arguments_make(const struct mcp_target *mcp, const struct operation_spec *spec,
                           uint64_t seed, struct error *error);

#endif
