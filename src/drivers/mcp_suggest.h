/* Values for the arguments of prompts and resource templates, of which a server lists no more than
 * names: what its own completion suggests. Internal to the MCP drivers. */
#ifndef CICADA_DRIVERS_MCP_SUGGEST_H
#define CICADA_DRIVERS_MCP_SUGGEST_H

#include "drivers/mcp_target.h"

enum mcp_suggest_owner { MCP_SUGGEST_PROMPT, MCP_SUGGEST_TEMPLATE };

/* Ask completion/complete about every argument, each in the context of those before it; a bounded
 * number of requests, given up for good where the server does not play along. Fills
 * mcp->suggestions. */
void mcp_suggest_ask(struct mcp_target *mcp, const struct mcp_control *control);

/* Put suggested values into `values` (an object that argument names map to), where there are any.
 * `variant` varies the last of them only, as it was suggested for the first values of the others.
 */
void mcp_suggest_apply(const struct mcp_target *mcp, enum mcp_suggest_owner kind, const char *owner,
                       unsigned variant, json_t *values);

#endif
